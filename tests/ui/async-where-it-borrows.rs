use reactive_runtime::prelude::*;

async fn even(x: &u32) -> bool {
    x % 2 == 0
}

async fn async_closure() {
    let _ = pipeline! { 0..3 |> filter_async(async |x| *x > 1) |> map(|x| x + 1) |> batch(2) |> count() }.await;
}

async fn async_function() {
    let _ = pipeline! { 0..3 |> filter_async(even) |> map(|x| x + 1) |> batch(2) |> count() }.await;
}

async fn of_other_items() {
    let _ = pipeline! { ["a"] |> filter_async(even) |> map(|x| x.len()) |> batch(2) |> count() }.await;
}

async fn answer_at_once() {
    let _ = pipeline! { 0..3 |> filter(async |x| *x > 1) |> map(|x| x + 1) |> batch(2) |> count() }.await;
    let _ = pipeline! { 0..3 |> take_while(async |x| *x > 1) |> map(|x| x + 1) |> batch(2) |> count() }.await;
    let _ = pipeline! { 0..3 |> scan(0, async |sum, x| *sum + x) |> map(|x| x + 1) |> batch(2) |> count() }.await;
}

fn main() {}
