use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> map_async(async |x: i32| x, concurrency = 100ms) |> count() };
}
