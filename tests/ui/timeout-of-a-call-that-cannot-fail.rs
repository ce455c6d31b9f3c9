use reactive_runtime::prelude::*;

fn main() {
    let fetch = async |id: u32| id + 1;
    let _ = pipeline! { 0..3 |> map_async(fetch, attempt_timeout = 2s) |> count() };
}
