//! A first pipeline: the words of a text, longest first. Run it with `cargo run --example quickstart`.

use reactive_runtime::prelude::*;

const TEXT: &str = "A stream is a sequence of items\nthat arrive over time";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // A terminal makes a future of a pipeline.
    let mut words = pipeline! {
        TEXT.lines()
            |> flat_map(str::split_whitespace)
            |> map(str::to_lowercase)
            |> filter(|word| word.len() > 3)
            |> collect::<Vec<_>>()
    }
    .await;
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    println!("{}", words.join(" "));

    // Without one it is a `Stream`.
    use futures::StreamExt;
    let mut ticks = pipeline! { interval(10ms) |> enumerate() |> map(|(n, _)| n) |> take(3) |> batch(2) };
    while let Some(batch) = ticks.next().await {
        println!("ticks {batch:?}");
    }
}
