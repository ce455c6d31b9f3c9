//! How `pipeline!` finds out what its source is: by autoref, at compile time.
//!
//! `(&&&&&&probe(&source)).__source_kind()` finds the first of five traits that the source's type allows: each is implemented for
//! one reference less than the one before it, and method lookup takes references off one by one. What it gives
//! has one method, `make`, with the bound that was found; so the last one, which anything satisfies, gives the
//! worded error of [`Source`].

use std::marker::PhantomData;

use futures_core::Stream;

use super::{IterFlow, Source, StreamFlow};
use crate::flow::Flow;

#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

pub fn probe<T>(_: &T) -> Probe<T> {
    Probe(PhantomData)
}

pub trait ViaSource {
    fn __source_kind(&self) -> KindSource {
        KindSource
    }
}
impl<T: Source> ViaSource for &&&&&Probe<T> {}

pub trait ViaFlow {
    fn __source_kind(&self) -> KindFlow {
        KindFlow
    }
}
impl<T: Flow> ViaFlow for &&&&Probe<T> {}

pub trait ViaStream {
    fn __source_kind(&self) -> KindStream {
        KindStream
    }
}
impl<T: Stream> ViaStream for &&&Probe<T> {}

pub trait ViaIter {
    fn __source_kind(&self) -> KindIter {
        KindIter
    }
}
impl<T: IntoIterator> ViaIter for &&Probe<T> {}

pub trait ViaNothing {
    fn __source_kind(&self) -> KindNothing {
        KindNothing
    }
}
impl<T> ViaNothing for &Probe<T> {}

/// The flow of a source that was made for an item.
#[derive(Debug)]
pub struct Opened<F>(pub F);

impl<F: Flow> Source for Opened<F> {
    type Flow = F;

    fn into_flow(self) -> F {
        self.0
    }
}

#[derive(Debug)]
pub struct KindSource;

impl KindSource {
    #[track_caller]
    pub fn make<T: Source>(self, source: T) -> T::Flow {
        source.into_flow()
    }
}

#[derive(Debug)]
pub struct KindFlow;

impl KindFlow {
    pub fn make<F: Flow>(self, flow: F) -> F {
        flow
    }
}

#[derive(Debug)]
pub struct KindStream;

impl KindStream {
    pub fn make<S: Stream>(self, stream: S) -> StreamFlow<S> {
        StreamFlow::new(stream)
    }
}

#[derive(Debug)]
pub struct KindIter;

impl KindIter {
    pub fn make<I: IntoIterator>(self, iter: I) -> IterFlow<I::IntoIter> {
        IterFlow::new(iter.into_iter())
    }
}

#[derive(Debug)]
pub struct KindNothing;

impl KindNothing {
    pub fn make<T: Source>(self, nothing: T) -> T::Flow {
        nothing.into_flow()
    }
}
