use reactive_runtime::prelude::*;

async fn measured() {
    let _ = pipeline! { [1.0, 2.0] |> map(|x| x * 2.0) |> max() }.await;
    let _ = pipeline! { [1.0, 2.0] |> min_by_key(|x| *x) }.await;
    let _ = Pipe::new([1.0, 2.0]).min().await;
}

fn main() {}
