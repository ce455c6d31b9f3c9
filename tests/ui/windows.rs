use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> batch(2, max_wait = 100) |> count() };
    let _ = pipeline! { [1u32, 2] |> window_time(1s).by_time(|x| *x) |> count() };
    let _ = pipeline! { ["a"] |> session_window(1s, lateness = 1s) |> count() };
    let _ = pipeline! { [1.5] |> scan_by(|x| *x, 0, |sum, _| *sum) |> count() };
}
