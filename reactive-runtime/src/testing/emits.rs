use std::fmt::Debug;
use std::panic::Location;

use super::clock::VirtualTime;
use super::diagram::difference;
use super::record::record_within;
use super::timeline::Timeline;
use crate::fault::Failed;
use crate::flow::Flow;
use crate::pipe::Pipe;

/// Runs a pipeline in virtual time, and panics unless it gives what a marble diagram says.
///
/// For plain `#[test]` functions: it brings its own clock, so there is no attribute to forget. What stands in it finds that
/// clock, such as a `tokio::time::sleep` for `take_until`. In an async test await [`emits`](crate::testing::emits()) instead.
///
/// `assert_emits!(pipe, "-a-b|")`, with values as in [`marbles!`](crate::marbles), or `assert_emits!(pipe, timeline)`. A
/// diagram without an end says that the pipeline has not ended when the diagram is over. A `#` without a value is any error.
///
/// # Panics
///
/// If the pipeline gives something else, or at another time; the message shows both as diagrams, one below the other. Inside of
/// a tokio runtime.
///
/// # Examples
///
/// ```
/// use reactive_runtime::{assert_emits, marbles, prelude::*};
///
/// assert_emits!(pipeline! { marbles!("-a-b-c|") |> skip(1) }, "---b-c|");
/// assert_emits!(pipeline! { marbles!("-a----b|") |> timeout(3ms) }, "-a--#");
/// ```
#[macro_export]
macro_rules! assert_emits {
    ($pipe:expr, $text:literal $($values:tt)*) => {
        $crate::assert_emits!($pipe, $crate::marbles!($text $($values)*))
    };
    ($pipe:expr, $timeline:expr $(,)?) => {{
        let time = $crate::testing::__VirtualTime::begin();
        let _entered = time.enter();
        $crate::testing::__assert_emits(&time, $pipe, $timeline)
    }};
}

#[doc(hidden)]
#[track_caller]
pub fn __assert_emits<F, T, L>(time: &VirtualTime, pipe: Pipe<F>, expected: Timeline<T, L>)
where
    F: Flow<Item: PartialEq<T> + Debug, Error: Expects<L> + Debug>,
    T: Debug,
    L: Debug,
{
    let difference = time.run(compare(pipe, &expected));
    if let Some(difference) = difference {
        panic!("{difference}");
    }
}

/// What [`assert_emits!`](crate::assert_emits) does, for async tests: `emits(pipe, marbles!("-a|")).await`.
///
/// # Panics
///
/// If the pipeline gives something else, or at another time. If the clock is not paused.
///
/// # Examples
///
/// ```
/// use reactive_runtime::{marbles, prelude::*, testing::emits};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] // In a test: `#[tokio::test(start_paused = true)]`.
/// # async fn main() {
/// emits(pipeline! { marbles!("-ab---|") |> debounce(2ms) }, marbles!("----b-|")).await;
/// # }
/// ```
#[track_caller]
pub fn emits<F, T, L>(pipe: Pipe<F>, expected: Timeline<T, L>) -> impl Future<Output = ()>
where
    F: Flow<Item: PartialEq<T> + Debug, Error: Expects<L> + Debug>,
    T: Debug,
    L: Debug,
{
    let caller = Location::caller();
    async move {
        if let Some(difference) = compare(pipe, &expected).await {
            panic!("at {caller}: {difference}");
        }
    }
}

/// Runs the pipeline for a little longer than is expected: what comes too late is shown too.
async fn compare<F, T, L>(pipe: Pipe<F>, expected: &Timeline<T, L>) -> Option<String>
where
    F: Flow<Item: PartialEq<T> + Debug, Error: Expects<L> + Debug>,
    T: Debug,
    L: Debug,
{
    const LATE_TICKS: u32 = 10;
    const MORE_ITEMS: usize = 20;
    let late = expected.tick * if expected.end.is_some() { LATE_TICKS } else { 0 };
    let actual = record_within(pipe, expected.span + late, expected.items.len() + MORE_ITEMS).await;
    difference(expected, &actual)
}

/// A fault that can be compared with an expected one, `L`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an error is expected that this pipeline cannot fail with",
    note = "a value for `#` must be comparable with the error of the pipeline; without one, `#` is any error"
)]
pub trait Expects<L> {
    fn is(&self, expected: &L) -> bool;
}

impl<K> Expects<std::convert::Infallible> for K {
    fn is(&self, expected: &std::convert::Infallible) -> bool {
        match *expected {}
    }
}

impl<E: PartialEq<X>, X> Expects<Failed<X>> for Failed<E> {
    fn is(&self, expected: &Failed<X>) -> bool {
        self.0 == expected.0
    }
}

#[cfg(test)]
mod tests {
    use crate::marbles;
    use crate::pipe::Pipe;
    use crate::testing::emits;
    use crate::units::ms;

    #[test]
    #[should_panic(
        expected = "expected `c` at 6ms, got `c` at 7ms\n  expected: ------c---(d|)\n  actual:   -------c--(d|)"
    )]
    fn shows_what_differs() {
        assert_emits!(Pipe::new(marbles!("-abc-----d|")).debounce(ms(4)), "------c---(d|)");
    }

    #[test]
    fn takes_values_errors_and_ticks() {
        assert_emits!(Pipe::new(marbles!("a-#", # = "torn")).map(|_| 7), "a-#", a = 7, # = "torn");
        assert_emits!(Pipe::new(marbles!("a-#", # = "torn")), "a-#");
        assert_emits!(Pipe::new(marbles!("a-|").tick(ms(10))), marbles!("a-|").tick(ms(10)));
    }

    #[test]
    fn what_asks_for_the_clock_when_it_is_made_finds_it() {
        let until = |pipe: Pipe<_>| pipe.take_until(tokio::time::sleep(ms(3)));
        assert_emits!(until(Pipe::new(marbles!("a-b-c|"))), "a-b|");
        // What is borrowed for the moment lives as long as it is compared.
        assert_emits!(Pipe::new(&vec![1, 2]), "(ab|)", a = &1, b = &2);
    }

    #[test]
    fn an_open_diagram_says_nothing_of_later() {
        assert_emits!(Pipe::new(marbles!("-a--b|")), "-a--");
    }

    #[test]
    #[should_panic(expected = "expected nothing more, got `2` at 0ns")]
    fn an_endless_source_is_cut_short() {
        assert_emits!(Pipe::new(0..), "(ab)", a = 0, b = 1);
    }

    #[test]
    #[should_panic(expected = "expected the end at 1ms, got nothing more")]
    fn tells_who_does_not_end() {
        assert_emits!(Pipe::new(marbles!("a-----")), "a|");
    }

    #[tokio::test]
    #[should_panic(expected = "inside of a tokio runtime no other can be run")]
    async fn says_what_to_write_in_an_async_test() {
        assert_emits!(Pipe::new(marbles!("a|")), "a|");
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "emits.rs")]
    async fn tells_where_it_stands() {
        emits(Pipe::new(marbles!("a|")), marbles!("b|")).await;
    }

    #[tokio::test]
    #[should_panic(expected = "the clock is not paused")]
    async fn says_so_in_real_time() {
        emits(Pipe::new(0..1), marbles!("a|", a = 0)).await;
    }
}
