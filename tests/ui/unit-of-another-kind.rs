use reactive_runtime::prelude::*;

async fn size_for_a_duration() {
    let _ = pipeline! { [1] |> batch(10, max_wait = 5KiB) |> filter(|b| b.len() > 1) |> flatten() |> count() }.await;
}

async fn share_for_a_rate() {
    let _ = pipeline! { [1] |> throttle(5%) |> filter(|x| *x > 1) |> batch(2) |> count() }.await;
}

async fn rate_for_a_count() {
    let _ = pipeline! { [1] |> batch(20/s) |> filter(|b| b.len() > 1) |> flatten() |> count() }.await;
}

fn main() {}
