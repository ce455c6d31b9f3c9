use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { interval(5 ms) |> take(2 k) |> count() };
}
