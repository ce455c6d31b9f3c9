use reactive_runtime::prelude::*;

fn main() {
    let profiler = Profiler::new();
    let _ = pipeline! { watch = 42: 0..3 |> count() };
    let _ = pipeline! { "users", watch: 0..3 |> count() };
    let _ = pipeline! { "users", watch = : 0..3 |> count() };
    let _ = pipeline! { "users", wach = &profiler: 0..3 |> count() };
    let _ = pipeline! { watch = &profiler, "users": 0..3 |> count() };
    let _ = pipeline! { watch = &profiler, watch = &profiler: 0..3 |> count() };
    let _ = stage! { watch = &profiler: u32 |> map(|x| x) };
}
