//! The operators as functions of a source, for who comes from a design in which they are.

#[cfg(feature = "time")]
mod timed;

use std::hash::Hash;

use crate::fault::Join;
use crate::flow::Flow;
use crate::gather::GatherFlow;
use crate::operator::{
    ConcatFlow, Distinct, DistinctUntilChanged, Filter, FlatMapFlow, Map, MergeFlow, Open, Reducing, Scan,
    Skip, Sliding, Take, WithAll, ZipFlow,
};
use crate::pipe::Pipe;
use crate::source::{Same, Source};
use crate::step::{AtMostOne, MayStop, OneToOne, StepFlow};

/// The operators as functions: `StreamOperators::map(source, f)` is `Pipe::new(source).map(f)`.
///
/// Every other operator is reached through the [`Pipe`] that each of them gives.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::StreamOperators;
/// # use futures::executor::block_on;
/// let doubled = StreamOperators::map(0..100, |x| x * 2);
/// let evens = StreamOperators::filter(doubled, |x| x % 4 == 0);
/// let batched = StreamOperators::batch(evens, 10);
/// let limited = StreamOperators::take(batched, 5);
/// assert_eq!(block_on(limited.count()), 5);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StreamOperators;

impl StreamOperators {
    /// See [`Items::map`](crate::Items::map).
    pub fn map<S, U, G>(source: S, f: G) -> Pipe<StepFlow<S::Flow, Map<G>, OneToOne>>
    where
        S: Source,
        G: FnMut(<S::Flow as Flow>::Item) -> U,
    {
        Pipe::new(source).map(f)
    }

    /// See [`Items::flat_map`](crate::Items::flat_map).
    pub fn flat_map<S, I, G>(source: S, f: G) -> Pipe<FlatMapFlow<S::Flow, G, I::IntoIter>>
    where
        S: Source,
        I: IntoIterator,
        G: FnMut(<S::Flow as Flow>::Item) -> I,
    {
        Pipe::new(source).flat_map(f)
    }

    /// See [`Items::scan`](crate::Items::scan).
    pub fn scan<S, A, U, G>(source: S, init: A, f: G) -> Pipe<StepFlow<S::Flow, Scan<A, G>, OneToOne>>
    where
        S: Source,
        G: FnMut(&mut A, <S::Flow as Flow>::Item) -> U,
    {
        Pipe::new(source).scan(init, f)
    }

    /// See [`Items::reduce`](crate::Items::reduce).
    pub fn reduce<F, S, T, G>(source: S, f: G) -> Pipe<GatherFlow<F, Reducing<T, G>, F::Error>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
        G: FnMut(T, T) -> T,
    {
        Pipe::new(source).reduce(f)
    }

    /// See [`Items::filter`](crate::Items::filter).
    pub fn filter<S, P>(source: S, predicate: P) -> Pipe<StepFlow<S::Flow, Filter<P>, AtMostOne>>
    where
        S: Source,
        P: FnMut(&<S::Flow as Flow>::Item) -> bool,
    {
        Pipe::new(source).filter(predicate)
    }

    /// See [`Items::distinct`](crate::Items::distinct).
    pub fn distinct<S, F, T>(source: S) -> Pipe<StepFlow<F, Distinct<T>, AtMostOne>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
        T: Clone + Eq + Hash,
    {
        Pipe::new(source).distinct()
    }

    /// See [`Items::distinct_until_changed`](crate::Items::distinct_until_changed).
    pub fn distinct_until_changed<S, F, T>(source: S) -> Pipe<StepFlow<F, DistinctUntilChanged<T>, AtMostOne>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
        T: Clone + PartialEq,
    {
        Pipe::new(source).distinct_until_changed()
    }

    /// See [`Items::batch`](crate::Items::batch).
    #[track_caller]
    pub fn batch<S, F, T>(source: S, size: usize) -> Pipe<GatherFlow<F, Open<T>, F::Error>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
    {
        Pipe::new(source).batch(size)
    }

    /// See [`Items::window`](crate::Items::window).
    #[track_caller]
    pub fn window<S, F, T>(source: S, size: usize) -> Pipe<GatherFlow<F, Sliding<T>, F::Error>>
    where
        S: Source<Flow = F>,
        F: Flow<Item = T>,
        T: Clone,
    {
        Pipe::new(source).window(size)
    }

    /// See [`Items::take`](crate::Items::take).
    pub fn take<S: Source>(source: S, count: usize) -> Pipe<StepFlow<S::Flow, Take, MayStop>> {
        Pipe::new(source).take(count)
    }

    /// See [`Items::skip`](crate::Items::skip).
    pub fn skip<S: Source>(source: S, count: usize) -> Pipe<StepFlow<S::Flow, Skip, AtMostOne>> {
        Pipe::new(source).skip(count)
    }

    /// See [`Items::merge`](crate::Items::merge).
    pub fn merge<F, G, H, U>(
        source: impl Source<Flow = F>,
        other: impl Source<Flow = G>,
    ) -> Pipe<MergeFlow<F, H, WithAll>>
    where
        F: Flow,
        G: Flow<Item = U> + Same<F::Item, U, Flow = H>,
        H: Flow<Item = F::Item>,
        F::Error: Join<G::Error> + Join<H::Error>,
    {
        Pipe::new(source).merge(other)
    }

    /// See [`Items::concat`](crate::Items::concat).
    pub fn concat<F, G, H, U>(
        source: impl Source<Flow = F>,
        other: impl Source<Flow = G>,
    ) -> Pipe<ConcatFlow<F, H>>
    where
        F: Flow,
        G: Flow<Item = U> + Same<F::Item, U, Flow = H>,
        H: Flow<Item = F::Item>,
        F::Error: Join<G::Error> + Join<H::Error>,
    {
        Pipe::new(source).concat(other)
    }

    /// See [`Items::zip`](crate::Items::zip).
    pub fn zip<F, G>(
        source: impl Source<Flow = F>,
        other: impl Source<Flow = G>,
    ) -> Pipe<ZipFlow<F, G, F::Item, G::Item>>
    where
        F: Flow,
        G: Flow,
        F::Error: Join<G::Error>,
    {
        Pipe::new(source).zip(other)
    }
}
