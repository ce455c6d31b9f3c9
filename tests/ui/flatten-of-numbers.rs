use reactive_runtime::prelude::*;

async fn flat() {
    let _ = pipeline! { [1, 2] |> flatten() |> collect::<Vec<_>>() }.await;
}

fn main() {}
