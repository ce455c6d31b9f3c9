use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> buffer_time(0ms, capacity = 0) |> count() };
    let _ = pipeline! { [1, 2] |> window_time(0s, slide = 0s, by = |x| *x, max_keys = 0) |> count() };
    let _ = pipeline! { [1, 2] |> session_window(0s, max = 0min) |> count() };
    let _ = pipeline! { [1, 2] |> window(2).by(|x| *x).max_keys(0) |> count() };
    let _ = pipeline! { [1, 2] |> scan_by(|x| *x, 0, |_, x| x, max_keys = 0, idle = 0s) |> count() };
    let _ = pipeline! { [1, 2] |> distinct(ttl = 0s) |> count() };
}
