use reactive_runtime::prelude::*;

fn parse(word: &str) -> Result<i32, std::num::ParseIntError> {
    word.parse()
}

async fn parse_later(word: &str) -> Result<i32, std::num::ParseIntError> {
    parse(word)
}

async fn a_result(processor: &StreamProcessor) {
    let _ = pipeline! { ["1"] |> process(processor, parse) |> batch(2) |> skip(1) |> count() }.await;
}

async fn a_future_of_one(processor: &StreamProcessor) {
    let _ = pipeline! { ["1"] |> process(processor, parse_later) |> batch(2) |> skip(1) |> count() }.await;
}

async fn by_method(processor: &StreamProcessor) {
    let _ = Pipe::from_iter(["1"]).process(processor, parse).batch(2).count().await;
}

fn main() {}
