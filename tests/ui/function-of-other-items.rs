use reactive_runtime::prelude::*;

fn even(x: u32) -> bool {
    x % 2 == 0
}

async fn counted() -> usize {
    pipeline! { 0..3u32 |> filter(even) |> count() }.await
}

fn main() {
    let _ = counted();
}
