use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> map(|x| x + 1, flow_control = Bbr::new()) |> count() };
    let _ = pipeline! { 0..3 |> filter(|x| x % 2 == 0, concurrency = adaptive(1..=8)) |> count() };
    let processor = StreamProcessor::default();
    let _ = pipeline! { 0..3 |> process(&processor, |x| x + 1, flow_control = Bbr::new()) |> count() };
}
