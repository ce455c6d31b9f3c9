use reactive_runtime::prelude::*;

async fn words() -> Vec<String> {
    pipeline! { 0..3u32 |> collect() }.await
}

fn main() {
    let _ = words();
}
