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

async fn words() {
    let _ = pipeline! { ["a"] |> doubled() |> batch(2) |> count() }.await;
}

async fn unit_of_a_value(wait: u64) {
    let _ = pipeline! { 0..3 |> delay(wait ms) |> count() }.await;
}

async fn filter_behind_a_terminal() {
    let _ = pipeline! { 0..3 |> collect::<Vec<_>>() |> filter(|x| x > 1) |> count() }.await;
}

async fn source_in_a_fragment() {
    let _ = stage! { 0..3u32 |> map(|x: u32| x + 1) };
}

async fn too_many_parameters() {
    let _ = pipeline! { 0..3 |> map(|a, b| a + b) |> filter(|x| x % 2 == 0) |> count() }.await;
}

async fn sum_of_words() -> u64 {
    pipeline! { ["a"] |> sum() }.await
}

fn main() {}
