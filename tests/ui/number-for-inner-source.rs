use reactive_runtime::prelude::*;

fn lines(text: &str) -> Vec<String> {
    text.lines().map(String::from).collect()
}

fn main() {
    let _ = pipeline! { 0..3u32 |> switch_map(|x| x + 1) |> count() };
    let _ = pipeline! { 0..3u32 |> flat_map_stream(lines) |> count() };
    let _ = pipeline! { 0..3u32 |> flat_map_stream(async |x| [x]) |> count() };
    let _ = pipeline! { 0..3u32 |> flat_map_stream(|x| [x], concurrency = 0) |> count() };
    let _ = pipeline! { 0..3u32 |> flat_map_stream(|x| [x], concurrency = adaptive(1..=8)) |> count() };
    let _ = Pipe::from_iter(0..3u32).flat_map_stream(|x| futures::stream::iter([x]));
}
