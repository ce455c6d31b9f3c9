use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> window(0) |> count() };
    let _ = pipeline! { [1, 2] |> window(2, step = 0) |> count() };
    let _ = pipeline! { [1, 2] |> step_by(0) |> count() };
    let _ = pipeline! { [1, 2] |> distinct().capacity(0) |> count() };
    let _ = pipeline! { [1, 2] |> batch_by(|x| x % 2, 0, max_keys = 0) |> count() };
    let call = async |x: u8| Ok::<_, u8>(x);
    let _ = pipeline! { [1, 2] |> map_async(call, attempt_timeout = 0s)? |> count() };
    let _ = pipeline! { [1, 2] |> batch_while(|a, b| a == b, max = 0) |> count() };
    let _ = pipeline! { [1, 2] |> map_async(async |x| x, concurrency = 0) |> count() };
    let _ = pipeline! { [1, 2] |> filter_async(|_| async { true }).concurrency(0) |> count() };
    let _ = pipeline! { [1, 2] |> for_each_async(async |_| (), concurrency = 0) };
}
