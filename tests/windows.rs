//! Batches and windows by time against simulations of them: random timelines with errors, consumers that are busy now and
//! then, and what is dropped at any moment.
//!
//! A model says in a few lines, without any flow, what an operator holds and when it gives it. The simulation walks from
//! event to event, and the operator must give the same at the same times.

#[path = "windows/by_time.rs"]
mod by_time;
#[path = "windows/models.rs"]
mod models;
#[path = "windows/timeline.rs"]
mod timeline;

use std::rc::Rc;

use models::{Batch, BatchBy, Model, Session, Sliding, Windows};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult};
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;
use timeline::{Case, Source, play, play_and_drop};

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn batch_max_wait(case: Case, n in 1..6usize, wait in 1..12u64) {
        let run = |source| Pipe::from_stream(source).or_fail().with(|items| items.batch(n).max_wait(ms(wait)));
        same(&case, run, &mut Batch::new(n, wait))?;
    }

    #[test]
    fn buffer_time(case: Case, wait in 1..12u64, capacity in 1..6usize) {
        let run = |source| Pipe::from_stream(source).or_fail()
            .with(|items| items.buffer_time(ms(wait)).capacity(capacity));
        same(&case, run, &mut Batch::new(capacity, wait))?;
    }

    #[test]
    fn batch_by_max_wait(case: Case, n in 1..4usize, wait in 1..12u64, max_keys in 1..4usize) {
        let run = |source| Pipe::from_stream(source).or_fail()
            .with(|items| items.batch_by(|x| x % 4, n).max_wait(ms(wait)).max_keys(max_keys));
        same(&case, run, &mut BatchBy::new(n, wait, max_keys))?;
    }

    #[test]
    fn window_time(case: Case, size in 1..12u64) {
        let run = |source| Pipe::from_stream(source).or_fail().window_time(ms(size));
        same(&case, run, &mut Windows::new(|_| 0, usize::MAX, move |at| at / size * size + size))?;
    }

    #[test]
    fn window_time_by_key(case: Case, size in 1..12u64, max_keys in 1..5usize) {
        let run = |source| Pipe::from_stream(source).or_fail()
            .with(|items| items.window_time(ms(size)).by(|x| x % 4).max_keys(max_keys));
        same(&case, run, &mut Windows::new(|x| x % 4, max_keys, move |at| at / size * size + size))?;
    }

    #[test]
    fn window_time_sliding(case: Case, size in 1..12u64, step in 1..12u64) {
        let run = |source| Pipe::from_stream(source).or_fail()
            .with(|items| items.window_time(ms(size)).slide(ms(step)));
        same(&case, run, &mut Sliding::new(size, step))?;
    }

    #[test]
    fn session_window(case: Case, gap in 1..12u64, max in 1..30u64) {
        let run = |source| Pipe::from_stream(source).or_fail()
            .with(|items| items.session_window(ms(gap)).max(ms(max)));
        same(&case, run, &mut Session::new(gap, max))?;
    }
}

/// The operator gives what the model does, when it does; dropped after any number of polls, it drops its source.
fn same<F>(case: &Case, run: impl Fn(Source) -> Pipe<F>, model: &mut dyn Model) -> TestCaseResult
where
    F: Flow<Item = Vec<u32>, Error = Failed<()>>,
{
    let alive = Rc::new(());
    prop_assert_eq!(play(case, run(case.source(&alive))), case.simulate(model));
    for polls in 0..8 {
        play_and_drop(case, run(case.source(&alive)), polls);
        prop_assert_eq!(Rc::strong_count(&alive), 1);
    }
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20),
        ..ProptestConfig::default()
    }
}
