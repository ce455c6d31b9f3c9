use reactive_runtime::prelude::*;

async fn counted() -> usize {
    pipeline! { 0..3u32 |> filter(3) |> count() }.await
}

fn main() {
    let _ = counted();
}
