mod grid;
mod sliding;
mod tumbling;

use std::time::Duration;

use self::grid::Grid;
pub use self::sliding::{Slides, SlidingWindows};
pub use self::tumbling::{Tumbling, TumblingWindows};
use super::windowed::{Clocked, Single, Windowed};
use crate::flow::Flow;
use crate::gather::TimedGatherFlow;
use crate::items::{Items, Staged};
use crate::live::IntoSetting;
use crate::pipe::Pipe;

impl<T, K> Items<T, K> {
    /// Gathers the items of each `size` of time into a `Vec`: those of `[0, size)`, `[size, 2 * size)`, .. since the first poll.
    ///
    /// A window is given at its end, and never empty. Windows are half open: an item that comes at the very end of one is in
    /// the next. The open one is flushed at the end and before an error; where an error should not cut it, put
    /// [`catch`](Items::catch) above, as for [`batch`](Items::batch).
    ///
    /// It holds the items of the open windows, however many come in that time. While nobody asks for a window it goes on
    /// taking items, until the open window has ended.
    ///
    /// Options: [`slide`](Staged::slide), [`by`](Staged::by) a key, [`by_time`](Staged::by_time) for event time.
    ///
    /// `size` may be [`Live`](crate::Live): a change holds from the next window on, which begins where the present one ends, and
    /// those behind it follow from there. By event time the present one is that of the greatest time seen.
    ///
    /// # Panics
    ///
    /// If `size` is zero, which as a literal in `pipeline!` does not compile; and if it has to wait outside of a tokio runtime
    /// with time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let windows = pipeline! {
    ///     interval(20ms) |> enumerate() |> map(|(i, _)| i) |> take(5) |> window_time(50ms) |> collect::<Vec<_>>()
    /// };
    /// assert_eq!(windows.await, [vec![0, 1, 2], vec![3, 4]]);
    /// # }
    /// ```
    #[doc(alias = "tumbling")]
    #[track_caller]
    pub fn window_time(self, size: impl IntoSetting<Duration>) -> Staged<Windowed<Tumbling>, Vec<T>, K> {
        let size = size.into_setting(|size| match *size {
            Duration::ZERO => {
                Err("a window of no time has no meaning: `window_time` takes a size such as `100ms`")
            }
            _ => Ok(()),
        });
        self.stage(Windowed::new(Tumbling::new(Grid::new(size, None))))
    }
}

impl<F: Flow> Pipe<F> {
    /// Gathers the items of each `size` of time into a `Vec`. See [`Items::window_time`].
    #[track_caller]
    pub fn window_time(
        self,
        size: impl IntoSetting<Duration>,
    ) -> Pipe<TimedGatherFlow<F, Clocked<Single<Tumbling, TumblingWindows<F::Item>>>, Vec<F::Item>, F::Error>>
    {
        self.with(|items| items.window_time(size))
    }
}

impl<G, C, T, K> Staged<Windowed<Tumbling, G, C>, Vec<T>, K> {
    /// Begins a window at each multiple of `step`, so that windows overlap and an item is in several.
    ///
    /// Items are held once, and cloned for all of their windows but the last. The first window begins at the first poll, or
    /// with [`by_time`](Staged::by_time) before the first item. At the end and before an error all windows that have begun are
    /// flushed.
    ///
    /// Both may be [`Live`](crate::Live): the windows that have begun stay as they are; the next one begins where it would have,
    /// with the new size, and those behind it by the new step.
    ///
    /// # Data loss
    ///
    /// With a `step` longer than a window, items between the windows are dropped.
    ///
    /// # Panics
    ///
    /// If `step` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use reactive_runtime::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let ticks = pipeline! { interval(10ms) |> enumerate() |> map(|(i, _)| i) |> take(5) };
    /// let windows = pipeline! { ticks |> window_time(30ms, slide = 20ms) |> collect::<Vec<_>>() };
    /// assert_eq!(windows.await, [vec![0, 1, 2], vec![2, 3, 4], vec![4]]);
    /// # }
    /// ```
    #[track_caller]
    pub fn slide(self, step: impl IntoSetting<Duration>) -> Staged<Windowed<Slides, G, C>, Vec<T>, K>
    where
        T: Clone,
    {
        let step = step.into_setting(|step| match *step {
            Duration::ZERO => {
                Err("windows that do not move have no meaning: `slide` takes a time such as `100ms`")
            }
            _ => Ok(()),
        });
        self.map_op(|op| op.map_shape(|tumbling| tumbling.slide(step)))
    }
}
