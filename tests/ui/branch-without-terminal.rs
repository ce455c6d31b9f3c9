use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3u32 |> broadcast(|[a, b]| (pipeline!(a |> count()), pipeline!(b |> batch(2)))) };
    let _ = pipeline! { 0..3u32 |> broadcast(|[a]| a.count()) };
    let _ = pipeline! { 0..3u32 |> broadcast(|[a]| (a.count(),), lag = 0) };
}
