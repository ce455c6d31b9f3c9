use reactive_runtime::prelude::*;

async fn call(x: u32) -> u32 {
    x
}

fn main() {
    let _ = pipeline! { 0..3 |> map_async(call, flow_control = 100) |> count() };
    let _ = pipeline! { 0..3 |> map_async(call, flow_control = Bbr::new(), concurrency = adaptive(1..=8)) |> count() };
}
