use std::convert::Infallible;
use std::ops::{ControlFlow, Range, RangeInclusive};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{IterFlow, Source};
use crate::flow::{BUDGET, Bounded, Downstream, Drive, Driven, Flow, yield_now};

/// An integer, as the bound of a range that is walked in chunks.
pub trait Integer: Copy + Ord {
    /// The end of a chunk of [`BUDGET`] numbers that begins here, but at most `end`.
    #[doc(hidden)]
    fn chunk_end(self, end: Self) -> Self;
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Integer for $integer {
            #[inline(always)]
            fn chunk_end(self, end: Self) -> Self {
                // A chunk is larger than all of a `u8` or an `i8`.
                match Self::try_from(BUDGET).ok().and_then(|chunk| self.checked_add(chunk)) {
                    Some(chunk_end) if chunk_end < end => chunk_end,
                    _ => end,
                }
            }
        }
    )*};
}

integers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize);

/// The flow of a range of integers.
#[derive(Clone, Debug)]
pub struct RangeFlow<A>(Range<A>);

impl<A> Unpin for RangeFlow<A> {}

impl<A: Integer> Source for Range<A>
where
    Self: Iterator<Item = A>,
{
    type Flow = RangeFlow<A>;

    fn into_flow(self) -> RangeFlow<A> {
        RangeFlow(self)
    }
}

impl<A> Source for RangeInclusive<A>
where
    Self: Iterator,
{
    type Flow = IterFlow<Self>;

    fn into_flow(self) -> IterFlow<Self> {
        IterFlow::new(self)
    }
}

impl<A: Integer> Flow for RangeFlow<A>
where
    Range<A>: Iterator<Item = A>,
{
    type Item = A;
    type Error = Infallible;
    type Bound = Bounded;

    #[expect(clippy::while_let_on_iterator, reason = "`for` costs a call more per item in a debug build")]
    #[inline(always)]
    fn poll_drive<D: Downstream<A>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<Infallible> {
        let range = &mut self.get_mut().0;
        // A local range with one exit condition: the compiler sees a plain loop.
        let mut chunk = range.start..range.start.chunk_end(range.end);
        let mut pushed = ControlFlow::Continue(());
        while let Some(item) = chunk.next() {
            pushed = down.push(item);
            if pushed.is_break() {
                break;
            }
        }
        range.start = chunk.start;
        match pushed {
            ControlFlow::Break(()) => Poll::Ready(Ok(Drive::Paused)),
            ControlFlow::Continue(()) if range.start < range.end => yield_now(cx),
            ControlFlow::Continue(()) => Poll::Ready(Ok(Drive::Ended)),
        }
    }

    fn poll_progress(self: Pin<&mut Self>, _: &mut Context<'_>) {}

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use crate::pipe::Pipe;

    #[test]
    fn walks_to_the_very_end_of_a_type() {
        let near_the_end = Pipe::new(u32::MAX - 5000..u32::MAX);
        assert_eq!(block_on(near_the_end.count()), 5000);
        assert_eq!(block_on(Pipe::new(i8::MIN..i8::MAX).count()), 255);
        assert_eq!(block_on(Pipe::new(u8::MIN..=u8::MAX).count()), 256);
    }

    #[test]
    fn is_empty_when_it_runs_backwards() {
        let (start, end) = (5, 2);
        assert_eq!(block_on(Pipe::new(start..end).count()), 0);
    }
}
