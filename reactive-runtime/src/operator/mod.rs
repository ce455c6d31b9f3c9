//! The operators: a file each, which holds its method on [`Items`](crate::Items), the same method on
//! [`Pipe`](crate::Pipe), its step or stage, and its tests.

#[cfg(feature = "time")]
mod accounted;
#[cfg(feature = "time")]
mod audit;
mod batch;
mod batch_by;
mod batch_while;
mod boxed;
mod buffer;
#[cfg(feature = "time")]
mod buffer_time;
mod catch;
mod combine_latest;
mod concat;
#[cfg(feature = "time")]
mod debounce;
mod default_if_empty;
#[cfg(feature = "time")]
mod delay;
mod distinct;
mod distinct_by;
mod distinct_until_changed;
mod distinct_until_changed_by;
mod enumerate;
mod fails_with;
mod filter;
mod filter_async;
mod filter_map;
mod flat_map;
mod flat_map_stream;
mod flatten;
mod inspect;
mod inspect_err;
mod intersperse;
mod keyed;
#[cfg(all(test, feature = "time", feature = "rt"))]
mod laws;
#[cfg(test)]
mod left_off;
mod map;
mod map_async;
mod map_err;
mod map_while;
mod merge;
mod metered;
mod on_end;
pub(crate) mod or_fail;
mod pairwise;
#[cfg(feature = "rt")]
mod parallel;
#[cfg(feature = "time")]
mod process;
mod reduce;
#[cfg(feature = "time")]
mod sample;
mod scan;
mod scan_by;
#[cfg(feature = "time")]
mod session_window;
mod skip;
mod skip_last;
mod skip_while;
#[cfg(feature = "rt")]
mod spawn;
mod start_with;
mod step_by;
mod switch_map;
mod take;
mod take_last;
mod take_until;
mod take_while;
#[cfg(feature = "time")]
mod throttle;
#[cfg(all(test, feature = "time"))]
mod timed_laws;
#[cfg(all(test, feature = "time"))]
mod timeline;
#[cfg(feature = "time")]
mod timeout;
mod try_map;
mod window;
#[cfg(feature = "time")]
mod window_time;
#[cfg(feature = "time")]
mod windowed;
mod with_latest_from;
mod zip;

#[cfg(feature = "time")]
pub use accounted::{Accounted, AccountedFlow, Entrance, MayDrop};
#[cfg(feature = "time")]
pub use audit::Audit;
#[cfg(feature = "time")]
pub use batch::max_wait::MaxWait;
#[cfg(feature = "time")]
pub use batch::waiting::{Opens, Waiting};
pub use batch::{Batch, Open, WeightedBatch, WeightedOpen};
#[cfg(feature = "time")]
pub use batch_by::max_wait::WaitingBy;
pub use batch_by::{BatchBy, OpenBy};
pub use batch_while::{BatchWhile, OpenWhile};
pub use boxed::{BoxPipe, Boxed, BoxedFlow, BoxedLocal, Chunks, LocalBoxPipe, LocalBoxedFlow, Unboxing};
pub use buffer::{Buffer, BufferFlow};
#[cfg(feature = "time")]
pub use buffer::{Pressured, PressuredFlow};
#[cfg(feature = "time")]
pub use buffer_time::BufferTime;
pub use catch::{CanFail, Catch, CatchFlow, Recover, Recovery};
pub use combine_latest::{CombineLatest, CombineLatestFlow};
pub use concat::{Concat, ConcatFlow};
#[cfg(feature = "time")]
pub use debounce::Debounce;
pub use default_if_empty::DefaultIfEmpty;
#[cfg(feature = "time")]
pub use delay::{Delay, DelayFlow};
pub use distinct::{Distinct, Key, Remembers, Seen};
pub use distinct_by::DistinctBy;
pub use distinct_until_changed::{DistinctUntilChanged, Repeats};
pub use distinct_until_changed_by::DistinctUntilChangedBy;
pub use enumerate::Enumerate;
pub use fails_with::{ConvertFlow, FailsWith, IntoFailed};
pub use filter::Filter;
pub use filter_async::{AsyncPredicate, FilterAsync, FilterAsyncFlow, Judge, Judging, Owning, Passed};
pub use filter_map::FilterMap;
pub use flat_map::{FlatMap, FlatMapFlow};
pub use flat_map_stream::{
    Ahead, AheadFlow, FlatMapStream, FlatMapStreamFlow, Merged, MergedFlow, OneByOne, SourceCount,
};
pub use flatten::HoldsItems;
pub use inspect::Inspect;
pub use inspect_err::InspectErr;
pub use intersperse::Intersperse;
#[cfg(feature = "time")]
pub use keyed::AtMost;
pub use keyed::{Age, Forever, Memory};
pub use map::Map;
pub use map_async::MapAsync;
#[cfg(feature = "time")]
pub use map_async::{Dropping, Sure, SureCall, TimeoutOfSureCall};
pub use map_err::{MapErr, Turn, TurnErrFlow};
pub use map_while::MapWhile;
pub use merge::{Merge, MergeEnd, MergeFlow, WithAll, WithAny};
pub use metered::{Enter, Leave, Meter, Metered, MeteredFlow, Off};
pub use on_end::{Ending, OnEnd, OnEndFlow};
pub use or_fail::{OrFail, OrFailFlow, OrFails};
pub use pairwise::Pairwise;
#[cfg(feature = "rt")]
pub use parallel::{OnThreads, Parallel, ParallelFlow};
#[cfg(feature = "time")]
pub use process::Process;
pub use reduce::{Reduce, Reducing};
#[cfg(feature = "time")]
pub use sample::Sample;
pub use scan::Scan;
pub use scan_by::ScanBy;
#[cfg(feature = "time")]
pub use session_window::{Session, Sessions};
pub use skip::Skip;
pub use skip_last::SkipLast;
pub use skip_while::SkipWhile;
#[cfg(feature = "rt")]
pub use spawn::{Spawn, SpawnFlow};
pub use start_with::StartWith;
pub use step_by::StepBy;
pub use switch_map::{SwitchMap, SwitchMapFlow};
pub use take::Take;
pub use take_last::{Last, TakeLast};
pub use take_until::{TakeUntil, TakeUntilFlow};
pub use take_while::TakeWhile;
#[cfg(feature = "time")]
pub use throttle::{
    By, Delaying, DropExcess, DropExcessFlow, Latest, LatestFlow, Len, One, PerKey, PerKeyDropFlow,
    PerKeyFlow, Throttle, ThrottleFlow, Weigh, Weight,
};
#[cfg(feature = "time")]
pub use timeout::{Elapsed, Timeout, TimeoutFlow};
pub use try_map::TryMap;
pub use window::by_key::{SlidingByKey, WindowByKey};
pub use window::{Sliding, SlidingWindow, Window};
#[cfg(feature = "time")]
pub use window_time::{Slides, SlidingWindows, Tumbling, TumblingWindows};
#[cfg(feature = "time")]
pub use windowed::{
    Alone, ByKey, ByTime, Clock, Clocked, Disjoint, EventTime, Group, Held, Keyed, Shape, Single, Timed,
    Windowed, Windows,
};
pub use with_latest_from::{WithLatestFrom, WithLatestFromFlow};
pub use zip::{Zip, ZipFlow};
