use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3u32 |> flat_map_stream(|x| futures::stream::iter([x])) |> count() };
    let _ = pipeline! { 0..3u32 |> switch_map(|x| x + 1) |> count() };
    let _ = pipeline! { 0..3u32 |> flat_map_stream(|x| [x], concurrency = 0) |> count() };
}
