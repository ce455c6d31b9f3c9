use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [1.0, 2.0] |> map_async(async |x| x, concurrency = 4).per_key(|x| *x) |> count() };
}
