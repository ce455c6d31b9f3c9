//! Chains of operators: as a pipeline, and as functions of a source. Run it with `cargo run --example operators`.

use reactive_runtime::StreamOperators;
use reactive_runtime::prelude::*;

// The clock is paused: what the throttle makes wait comes at its time, but at once.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    // One function at a time ..
    let doubled = StreamOperators::map(0..100, |x| x * 2);
    let evens = StreamOperators::filter(doubled, |x| x % 4 == 0);
    let batched = StreamOperators::batch(evens, 10);
    let limited = StreamOperators::take(batched, 5);
    let by_function = limited.collect::<Vec<_>>().await;

    // .. or as the sentence that it is.
    let by_pipeline = pipeline! {
        0..100 |> map(|x| x * 2) |> filter(|x| x % 4 == 0) |> batch(10) |> take(5) |> collect::<Vec<_>>()
    }
    .await;
    assert_eq!(by_function, by_pipeline);
    for batch in &by_pipeline {
        println!("batch: {batch:?}");
    }

    // A chain of its own can be kept, and stand in other pipelines by its name.
    let complex = stage! {
        u32
            |> map(|x| x * 2)
            |> filter(|x| *x > 10)
            |> batch(20)
            |> flat_map(process_batch)
            |> distinct()
            |> throttle(100ms)
            |> take(1000)
    };
    let results = pipeline! { (0..50).chain(0..50) |> complex |> collect::<Vec<_>>() }.await;
    println!("{} results, from {:?} to {:?}", results.len(), results.first(), results.last());
}

fn process_batch(batch: Vec<u32>) -> impl Iterator<Item = u32> {
    batch.into_iter().map(|x| x + 1)
}
