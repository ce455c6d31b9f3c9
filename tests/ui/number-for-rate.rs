use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> throttle(20) |> count() };
    let _ = pipeline! { 0..3 |> throttle(Live::new(20)) |> count() };
    let _ = pipeline! { 0..3 |> throttle(20/s, cost = |x| *x as f64) |> count() };
}
