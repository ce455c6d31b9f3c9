use reactive_runtime::prelude::*;

async fn call(x: u32) -> u32 {
    x
}

fn main() {
    let _ = pipeline! { 0..3 |> map_async(call, flow_control = Bbr::new(), classify = |_| ErrorClass::Overload) |> count() };
}
