use reactive_runtime::prelude::*;

struct Reading;

async fn readings() {
    let _ = pipeline! { [Reading] |> distinct_until_changed() |> map(|r| r) |> batch(2) |> count() }.await;
}

fn main() {}
