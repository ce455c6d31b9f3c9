//! The operators: a file each, which holds its method on [`Items`](crate::Items), the same method on
//! [`Pipe`](crate::Pipe), its step or stage, and its tests.

mod batch;
mod catch;
mod concat;
mod enumerate;
mod fails_with;
mod filter;
mod filter_map;
mod flat_map;
mod inspect;
#[cfg(test)]
mod laws;
mod map;
mod merge;
mod metered;
pub(crate) mod or_fail;
mod scan;
mod skip;
mod take;
mod try_map;
mod zip;

pub use batch::{Batch, Open};
pub use catch::{Catch, CatchFlow, Recover, Recovery};
pub use concat::{Concat, ConcatFlow};
pub use enumerate::Enumerate;
pub use fails_with::{ConvertFlow, FailsWith, IntoFailed};
pub use filter::Filter;
pub use filter_map::FilterMap;
pub use flat_map::{FlatMap, FlatMapFlow};
pub use inspect::Inspect;
pub use map::Map;
pub use merge::{Merge, MergeEnd, MergeFlow, WithAll, WithAny};
pub use metered::{Leave, Meter, Metered, MeteredFlow, Off};
pub use or_fail::{OrFail, OrFailFlow};
pub use scan::Scan;
pub use skip::Skip;
pub use take::Take;
pub use try_map::TryMap;
pub use zip::{Zip, ZipFlow};
