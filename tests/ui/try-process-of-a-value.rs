use reactive_runtime::prelude::*;

async fn mistakes(processor: &StreamProcessor) {
    let _ = pipeline! { [1] |> try_process(processor, |x: i32| x + 1) |> map(|x| x.abs()) |> batch(2) |> count() }.await;
    let _ = pipeline! { [1] |> try_process(processor, async |x: i32| x + 1) |> map(|x| x.abs()) |> batch(2) |> count() }.await;
}

fn main() {}
