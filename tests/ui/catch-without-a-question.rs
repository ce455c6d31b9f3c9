use reactive_runtime::prelude::*;

async fn doubled(x: u32) -> u32 {
    x * 2
}

async fn catch() {
    let _ = pipeline! {
        ["1"]
            |> map(str::parse::<u32>)
            |> catch(|_| Recover::With(0))
            |> map_async(doubled, concurrency = 4)
            |> filter(|x| *x > 1)
            |> sum::<u32>()
    };
}

async fn map_err() {
    let _ = pipeline! { ["1"] |> map(str::parse::<u32>) |> map_err(|e| e.to_string()) |> map(|x| x + 1) |> sum::<u32>() };
}

fn main() {}
