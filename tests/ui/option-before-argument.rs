use reactive_runtime::prelude::*;

use reactive_runtime::Staged;

trait Pacing<T, K> {
    fn pace(self, items: usize) -> Staged<Pace, T, K>;
}

struct Pace;

impl<T, K> Pacing<T, K> for Items<T, K> {
    fn pace(self, _: usize) -> Staged<Pace, T, K> {
        self.stage(Pace)
    }
}

trait PaceOptions {
    fn burst(self, items: usize) -> Self;
}

impl<T, K> PaceOptions for Staged<Pace, T, K> {
    fn burst(self, _: usize) -> Self {
        self
    }
}

impl<F: Flow> reactive_runtime::Stage<F> for Pace {
    type Flow = F;

    fn attach(self, upstream: F) -> F {
        upstream
    }
}

fn main() {
    let _ = pipeline! { 0..3 |> pace(burst = 1, 5) |> map(|x| x + 1) };
}
