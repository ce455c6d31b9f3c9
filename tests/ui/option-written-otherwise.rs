use reactive_runtime::prelude::*;

async fn fetch(id: u32) -> u32 {
    id
}

async fn without_a_comma() {
    let _ = pipeline! { [1] |> map_async(fetch concurrency = 4) |> filter(|x| *x > 1) |> batch(2) |> count() }.await;
}

async fn with_a_colon() {
    let _ = pipeline! { [1] |> map_async(fetch, concurrency: 4) |> filter(|x| *x > 1) |> batch(2) |> count() }.await;
}

async fn setter_among_the_arguments() {
    let _ = pipeline! { [1] |> map_async(fetch, unordered) |> filter(|x| *x > 1) |> batch(2) |> count() }.await;
}

async fn two_sources() {
    let _ = pipeline! { [1] |> merge([2], [3]) |> filter(|x| *x > 1) |> batch(2) |> count() }.await;
}

macro_rules! both {
    ($one:expr, $other:expr) => {
        pipeline! { $one |> merge($other, end_with_any) |> filter(|x| *x > 1) |> batch(2) |> count() }
    };
}

async fn in_a_macro() {
    let _ = both!([1], [2]).await;
}

fn main() {}
