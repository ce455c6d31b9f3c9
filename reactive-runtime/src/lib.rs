#![doc = include_str!(concat!("../", env!("CARGO_PKG_README")))]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as reactive_runtime;

pub mod backpressure;
#[doc(hidden)]
pub mod below;
pub mod circuit_breaker;
pub mod concurrent;
mod config;
mod event;
#[cfg(feature = "event-bus")]
pub mod event_bus;
mod fault;
mod fine;
pub mod flow;
pub mod flow_control;
mod fragment;
pub mod gather;
#[cfg(all(any(doc, doctest), feature = "event-bus", feature = "time", feature = "rt", feature = "testing"))]
pub mod guide;
mod handover;
mod items;
pub mod live;
mod macros;
#[cfg(feature = "time")]
pub mod newest;
pub mod operator;
mod pacer;
mod pipe;
mod plan;
#[cfg(feature = "time")]
pub mod processor;
mod rate;
#[cfg(feature = "time")]
pub mod retry;
#[doc(hidden)]
pub mod run;
pub mod source;
pub mod step;
mod stream_operators;
pub mod terminal;
#[cfg(any(feature = "testing", all(test, feature = "time")))]
pub mod testing;
#[cfg(feature = "time")]
mod timer;
#[cfg(all(feature = "time", feature = "rt"))]
pub mod transformer;
pub mod units;
mod waiting;
pub mod watch;

pub use config::{ConfigError, WrongField};
pub use fault::{ConvertsFrom, Failed, Fault, IsResult, Join};
pub use flow::{Activity, Bounded, Boundedness, Downstream, Drive, Driven, Flow, Unbounded};
pub use fragment::{Fragment, FragmentOf};
pub use items::{Chain, Final, Finish, Items, Stage, Staged, Stepped, Terminal};
pub use live::{IntoSetting, Live, Setting};
pub use operator::{Recover, Recovery};
pub use pacer::Pacer;
pub use pipe::Pipe;
pub use plan::{Plan, PlanEntry};
pub use rate::Rate;
pub use source::Source;
pub use step::{Step, Stop};
pub use stream_operators::StreamOperators;

/// What a pipeline is written with: `use reactive_runtime::prelude::*;`.
pub mod prelude {
    pub use crate::backpressure::{
        Adaptive, BackpressureConfig, BackpressureHandler, BackpressureMonitor, BackpressureStrategy, Block,
        BlockFor, Conflate, DropAll, DropIncoming, DropLate, DropLowest, DropNewest, DropOldest, Fail,
        Latest, Overloaded, Pressure, Reason, Sample, SourceKind, TripOnOverload, WhileOpen,
    };
    pub use crate::circuit_breaker::{CircuitBreaker, CircuitError, SharedBreaker};
    pub use crate::fault::Failed;
    pub use crate::flow::Flow;
    pub use crate::flow_control::{
        Aimd, Bbr, CongestionAlgorithm, Cubic, ErrorClass, FlowControlConfig, FlowController, Gradient2,
        Vegas,
    };
    #[cfg(feature = "time")]
    pub use crate::flow_control::{FlowControl, adaptive};
    pub use crate::items::Items;
    pub use crate::live::Live;
    pub use crate::operator::{BoxPipe, LocalBoxPipe, Recover, Window};
    #[cfg(feature = "time")]
    pub use crate::operator::{Elapsed, TimeoutOfSureCall as _};
    pub use crate::pipe::Pipe;
    #[cfg(feature = "time")]
    pub use crate::processor::{StreamConfig, StreamProcessor};
    pub use crate::rate::Rate;
    #[cfg(feature = "time")]
    pub use crate::retry::{CallError, Retry};
    pub use crate::source::Lagged;
    #[cfg(feature = "time")]
    pub use crate::source::interval;
    #[cfg(feature = "time")]
    pub use crate::source::{Feed, SheddingFeeder};
    pub use crate::source::{Feeder, empty, feed, once, repeat_with, unfold};
    #[cfg(all(feature = "time", feature = "rt"))]
    pub use crate::transformer::{ReactiveTransformer, TransformationConfig};
    #[cfg(feature = "time")]
    pub use crate::watch::Profiler;
    pub use crate::{pipeline, stage};
}

/// What the expansion of `pipeline!` names.
#[doc(hidden)]
pub mod __private {
    pub use reactive_macros::{pipeline, stage};

    pub use crate::below::{Deep, DeepFinal};
    pub use crate::fragment::Start;
    pub use crate::items::items_of;
    pub use crate::run::{InRun, Misfit, Run};
    pub use crate::source::probe::{Opened, ViaFlow, ViaIter, ViaNothing, ViaSource, ViaStream, probe};
    pub use crate::watch::Begin;

    /// Setters that are no methods of their own.
    pub mod setters {
        #[cfg(feature = "time")]
        pub use crate::operator::TimeoutOfSureCall as _;
    }
}
