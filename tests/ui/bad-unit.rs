use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { interval(1m) |> count() };
    let _ = pipeline! { interval(0x10ms) |> count() };
    let _ = pipeline! { interval(-5ms) |> count() };
    let _ = pipeline! { 0..3 |> take(99999999999G) |> count() };
    let _ = pipeline! { interval(1.5ns) |> count() };
}
