//! A watched pipeline tells a mistake once, as any other does.
use reactive_runtime::prelude::*;
use reactive_runtime::{Stage, Staged};

struct Doubled;

trait Doubling<T, K> {
    fn doubled(self) -> Staged<Doubled, u32, K>;
}

// It asks for `u32`s where it is attached, and not where it is named.
impl<T, K> Doubling<T, K> for Items<T, K> {
    fn doubled(self) -> Staged<Doubled, u32, K> {
        self.stage(Doubled)
    }
}

impl<F: Flow<Item = u32>> Stage<F> for Doubled {
    type Flow = F;

    fn attach(self, upstream: F) -> F {
        upstream
    }
}

async fn mistakes(profiler: &Profiler) {
    // Alone in a run.
    let _ = pipeline! { "run", watch = profiler: [1] |> map(5) |> batch(2) };

    // In the middle, and last.
    let _ = pipeline! { "middle", watch = profiler: [1] |> map_async(|x| x + 1) |> drain() };
    let _ = pipeline! { "last", watch = profiler: [1] |> map_async(|x| x + 1) };

    // A terminal.
    let _: Vec<String> = pipeline! { "terminal", watch = profiler: [1] |> collect() }.await;
    let _ = pipeline! { "not last", watch = profiler: 0..3 |> collect::<Vec<_>>() |> filter(|x| x > 1) |> count() };
}

// In functions of their own: it is told where nothing else is wrong.
async fn attached(profiler: &Profiler) {
    let _ = pipeline! { "attached", watch = profiler: ["a"] |> doubled() |> batch(2) |> count() };
}

fn attached_last(profiler: &Profiler) {
    let _ = pipeline! { "attached last", watch = profiler: ["a"] |> doubled() };
}

fn main() {}
