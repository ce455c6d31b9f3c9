use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { interval(10sec) |> count() };
    let _ = pipeline! { 0..3 |> take(2K) |> count() };
    let _ = pipeline! { 0..3 |> take(2x) |> count() };
}
