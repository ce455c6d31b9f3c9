use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1, 2] |> map_async(|x| x + 1, concurrency = 4) |> count() };
}
