//! The laws of the operators that follow the clock: a row an operator, a test a law, all in virtual time.
//!
//! A row is written as in [`laws`](super::laws): it says how the operator is put below a pipeline of `u32`s. The source gives
//! them in bursts and with gaps of up to 9 ms, so a period of a few milliseconds shows all that an operator does. Where a law
//! cannot hold, the row says so and why.

use std::fmt::{self, Debug};
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::time::{Instant, sleep};

use super::Elapsed;
use super::left_off::{LeftOff, Note};
use crate::backpressure::BackpressureConfig;
use crate::flow::{BUDGET, Downstream, Drive, Driven, Flow};
use crate::flow_control::{FlowControlConfig, adaptive};
use crate::live::Live;
use crate::pipe::Pipe;
use crate::processor::{ProcessError, StreamConfig, StreamProcessor};
use crate::retry::Retry;
use crate::source::Source;
use crate::testing::{Timeline, WakeCounter, in_virtual_time};
use crate::units::{h, ms};

macro_rules! timed_laws {
    ($($name:ident($p:ident) => $row:expr $(, except $law:ident = $reason:literal)*;)*) => {$(
        mod $name {
            use super::*;

            const EXCEPT: &[(&str, &str)] = &[$((stringify!($law), $reason)),*];

            /// Nothing is polled and no timer is armed before the first poll: there is no clock here that could be. Nor by
            /// progress.
            #[test]
            fn is_lazy() {
                let (source, watch) = uneven().watched();
                let $p = Pipe::new(source);
                let mut pipe = Box::pin($row);
                pipe.as_mut().poll_progress(&mut Context::from_waker(Waker::noop()));
                assert_eq!(watch.polls(), 0);
            }

            /// While items flow no timer is armed: there is no clock here that could be.
            #[test]
            fn arms_no_timer_while_items_flow() {
                if holds("no_timer") {
                    let $p = Pipe::new(0..1000u32);
                    let mut pipe = Box::pin($row);
                    let ended = pipe.as_mut().poll_drive(&mut Context::from_waker(Waker::noop()), &mut Taken(0));
                    assert!(matches!(ended, Poll::Ready(Ok(Drive::Ended))));
                }
            }

            /// Who gets `Pending` is woken, and not for nothing again and again; and whatever breaks, however often it is
            /// polled without need, and with progress in between, the same comes at the same times.
            #[test]
            fn tells_the_same_however_it_is_driven() {
                let run = |how| {
                    let $p = Pipe::new(uneven());
                    in_virtual_time(told($row, how))
                };
                let expected = run(How::default());
                for break_at in 0..expected.len() {
                    assert_eq!(run(How { breaks: Breaks::At(break_at), ..How::default() }), expected);
                }
                for how in HOWS {
                    assert_eq!(run(how), expected, "{how:?}");
                }
            }

            /// The same with errors that come from above: each is told, in order, at its place.
            #[test]
            fn passes_errors_in_order() {
                let run = |how| {
                    let $p = Pipe::new(uneven()).try_map(|x| if x % 5 == 3 { Err(Trouble::Item(x)) } else { Ok(x) });
                    in_virtual_time(told($row, how))
                };
                let expected = run(How::default());
                for break_at in 0..expected.len() {
                    assert_eq!(run(How { breaks: Breaks::At(break_at), ..How::default() }), expected);
                }
                for how in HOWS {
                    assert_eq!(run(how), expected, "{how:?}");
                }
                let errors = expected.iter().filter(|(_, told)| told.contains("trouble"));
                let errors: Vec<_> = errors.map(|(_, told)| told.as_str()).collect();
                let all = ["Failed(trouble 3)", "Failed(trouble 8)", "Failed(trouble 13)"];
                assert!(if holds("every_error") { errors == all } else { all.starts_with(&errors) }, "{errors:?}");
            }

            /// Whoever lets its reader wait, or is not asked, lets what is above it go on.
            #[test]
            fn leaves_no_work_asleep() {
                for breaks in [Breaks::Never, Breaks::Always] {
                    in_virtual_time(async {
                        let (source, note) = LeftOff::watch(uneven());
                        let $p = source.try_map(|x| if x % 5 == 3 { Err(Trouble::Item(x)) } else { Ok(x) });
                        lets_go_on($row, &note, breaks).await;
                    });
                }
            }

            /// After the end the end comes again; the source is not polled, and no timer is left that would wake.
            #[test]
            fn ends_once() {
                in_virtual_time(async {
                    let (source, watch) = uneven().watched();
                    let $p = Pipe::new(source);
                    let (mut pipe, wakes) = (Box::pin($row), WakeCounter::new());
                    while !matches!(step(pipe.as_mut(), &wakes).await, Poll::Ready(Ok(Drive::Ended))) {}
                    assert!(!wakes.is_kept());
                    let polls = watch.polls();
                    for _ in 0..3 {
                        assert!(matches!(step(pipe.as_mut(), &wakes).await, Poll::Ready(Ok(Drive::Ended))));
                        pipe.as_mut().poll_progress(&mut Context::from_waker(&wakes.waker()));
                    }
                    assert_eq!(watch.polls(), polls);
                    assert!(!wakes.is_kept() && watch.is_dropped());
                });
            }

            /// Dropped after any number of polls, it drops its source and keeps no waker.
            #[test]
            fn can_be_dropped_at_any_poll() {
                in_virtual_time(async {
                    for polls in 0..60 {
                        let (source, watch) = uneven().watched();
                        let $p = Pipe::new(source);
                        let (mut pipe, wakes) = (Box::pin($row), WakeCounter::new());
                        for _ in 0..polls {
                            let _ = step(pipe.as_mut(), &wakes).await;
                        }
                        drop(pipe);
                        assert!(watch.is_dropped() && !wakes.is_kept(), "after {polls} polls");
                    }
                });
            }

            /// What stops early frees its source with the item at which it stops.
            #[test]
            fn drops_its_source_on_an_early_stop() {
                in_virtual_time(async {
                    let (source, watch) = uneven().watched();
                    let $p = Pipe::new(source);
                    let mut first = Box::pin($row.take(1));
                    let _ = first.next().await;
                    assert!(watch.is_dropped());
                });
            }

            /// A panic in a closure downstream passes through, and everything is dropped.
            #[test]
            fn can_be_dropped_after_a_panic_below() {
                let (source, watch) = uneven().watched();
                let wakes = WakeCounter::new();
                let run = || {
                    in_virtual_time(async {
                        let $p = Pipe::new(source);
                        let mut pipe = Box::pin($row.inspect(|_| panic!("below")));
                        while !matches!(step(pipe.as_mut(), &wakes).await, Poll::Ready(Ok(Drive::Ended))) {}
                    })
                };
                assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
                assert!(watch.is_dropped() && !wakes.is_kept());
            }

            /// What remains lies between the bounds of `size_hint`, after every item.
            #[test]
            fn has_an_honest_size_hint() {
                in_virtual_time(async {
                    for source in [uneven(), Timeline::of([]).ends_at(ms(1))] {
                        let $p = Pipe::new(source);
                        let mut pipe = Box::pin($row);
                        let mut hints = vec![Stream::size_hint(&pipe)];
                        while pipe.next().await.is_some() {
                            hints.push(Stream::size_hint(&pipe));
                        }
                        for (left, (at_least, at_most)) in hints.iter().rev().enumerate() {
                            assert!(*at_least <= left && at_most.is_none_or(|at_most| left <= at_most));
                        }
                    }
                });
            }

            /// However much is ready, a poll takes and gives a bounded number of items.
            #[test]
            fn does_bounded_work_in_a_poll() {
                in_virtual_time(async {
                    let taken = AtomicUsize::new(0);
                    let $p = Pipe::new(0..50_000u32).inspect(|_| { taken.fetch_add(1, Ordering::Relaxed); });
                    let mut pipe = Box::pin($row);
                    let ended = poll_fn(|cx| {
                        let (before, mut given) = (taken.load(Ordering::Relaxed), Taken(0));
                        let driven = pipe.as_mut().poll_drive(cx, &mut given);
                        assert!(taken.load(Ordering::Relaxed) - before <= 2 * BUDGET && given.0 <= 4 * BUDGET);
                        driven
                    });
                    assert!(matches!(ended.await, Ok(Drive::Ended)));
                });
            }

            /// It is `Send` where its parts are.
            #[test]
            fn is_send() {
                fn assert_send<T: Send>(_: &T) {}
                let $p = Pipe::new(0..3u32);
                assert_send(&$row);
                // Also in a future that awaits it, where a closure takes borrowed items.
                assert_send(&async {
                    let $p = Pipe::new(&[1u32, 2, 3]).map(|x| *x);
                    $row.count().await
                });
            }

            fn holds(law: &str) -> bool {
                EXCEPT.iter().all(|(except, _)| *except != law)
            }
        }
    )*};
}
fn one_at_a_time() -> StreamProcessor {
    StreamProcessor::new(StreamConfig::default().max_concurrent_operations(1)).unwrap()
}

async fn slow(x: u32) -> u32 {
    sleep(ms(u64::from(x % 3))).await;
    x
}

async fn slow_odd(x: u32) -> Result<u32, String> {
    let x = slow(x).await;
    if x % 2 == 1 { Ok(x) } else { Err(format!("{x} is even")) }
}

timed_laws! {
    audit(p) => p.audit(ms(4));
    audit_on_drop(p) => p.with(|i| i.audit(ms(4)).on_drop(|_, _| ()));
    batch_by_max_wait(p) => p.with(|i| i.batch_by(|x| x % 3, 2).max_keys(2).max_wait(ms(4)));
    batch_live(p) => p.with(|i| i.batch(Live::new(3)).max_wait(Live::new(ms(4))));
    batch_max_wait(p) => p.with(|i| i.batch(3).max_wait(ms(4)));
    batch_max_wait_weighted(p) => p.with(|i| i.batch(3).max_weight(9, |x| *x as usize).max_wait(ms(4)));
    buffer_time(p) => p.with(|i| i.buffer_time(ms(4)).capacity(5));
    debounce(p) => p.debounce(ms(2));
    debounce_max_wait(p) => p.with(|i| i.debounce(ms(4)).max_wait(ms(5)));
    map_async_flow_control(p) => p.with(|i| i.map_async(after_a_while).flow_control(fast())),
        except no_timer = "it is paced";
    map_async_adaptive(p) => p.with(|i| i.map_async(after_a_while).concurrency(adaptive(1..=3))),
        except no_timer = "its futures pend";
    process(p) => p.process(&StreamProcessor::default(), slow), except no_timer = "each attempt may time out";
    process_one_at_a_time(p) => p.process(&one_at_a_time(), slow), except no_timer = "each attempt may time out";
    process_pressured(p) => p.process(
        &one_at_a_time().with_backpressure(BackpressureConfig::default()).unwrap(),
        slow
    ),
        except no_timer = "each attempt may time out";
    process_retry(p) => p.try_process(&StreamProcessor::default().with_retry(Retry::fixed(ms(3)).max_retries(1)), slow_odd),
        except no_timer = "each attempt may time out";
    sample(p) => p.sample(ms(3));
    sample_live(p) => p.sample(Live::new(ms(3)));
    session_window(p) => p.with(|i| i.session_window(ms(3)).max(ms(7)));
    session_window_by(p) => p.with(|i| i.session_window(ms(3)).by(|x| x % 3).max_keys(2));
    throttle_latest_per_key(p) => p.with(|i| i.throttle(ms(3)).latest().per_key(|x| x % 3)),
        except no_timer = "what is held at the end waits for its time";
    timeout(p) => p.timeout(ms(20));
    timeout_elapsed(p) => p.timeout(ms(8)), except every_error = "the source is late before the last";
    timeout_first(p) => p.with(|i| i.timeout(ms(8)).first(ms(1)).total(ms(10))),
        except every_error = "the time is up before the last";
    window_time(p) => p.window_time(ms(4));
    window_time_by(p) => p.with(|i| i.window_time(ms(4)).by(|x| x % 3).max_keys(2));
    window_time_slide(p) => p.with(|i| i.window_time(ms(4)).slide(ms(3)));
}

/// Those whose items come at other times when they are asked at other times.
#[test]
fn those_that_are_full_leave_no_work_asleep() {
    type Above = Pipe<LeftOff<<Timeline<u32> as Source>::Flow>>;
    fn check<F: Flow<Item: Debug>>(attach: impl Fn(Above) -> Pipe<F>) {
        for breaks in [Breaks::Never, Breaks::Always] {
            in_virtual_time(async {
                let (source, note) = LeftOff::watch(uneven());
                lets_go_on(attach(source), &note, breaks).await;
            });
        }
    }
    check(|p| p.with(|i| i.delay(ms(5)).capacity(2)));
    check(|p| p.throttle(ms(3)));
    check(|p| p.with(|i| i.throttle(ms(3)).drop_excess()));
    check(|p| p.with(|i| i.throttle(ms(3)).latest()));
    check(|p| p.with(|i| i.throttle(ms(3)).per_key(|x| x % 2).capacity(2)));
    check(|p| p.with(|i| i.throttle(ms(3)).per_key(|x| x % 2).drop_excess()));
    check(|p| p.take_until(sleep(ms(17))));
}

/// A call that takes up to 6 ms.
async fn after_a_while(x: u32) -> u32 {
    sleep(ms(u64::from(x % 7))).await;
    x
}

/// Flow control that begins with an item each 2 ms, and decides each 5 ms.
fn fast() -> FlowControlConfig {
    let (initial_rate, max_rate) = (500.0, 1e5);
    FlowControlConfig { initial_rate, max_rate, control_interval: ms(5), ..FlowControlConfig::default() }
}

/// Items in bursts and with gaps.
fn uneven() -> Timeline<u32> {
    let at = [0, 0, 1, 2, 5, 6, 6, 8, 12, 13, 22, 22, 23, 26, 27, 28];
    Timeline::of((0..).zip(at).map(|(item, at)| (ms(at), item))).ends_at(ms(31))
}

/// An error of an item, or of an operator.
#[derive(Clone, Copy)]
enum Trouble {
    Item(u32),
    Elapsed,
}

impl Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(item) => write!(f, "trouble {item}"),
            Self::Elapsed => f.write_str("elapsed"),
        }
    }
}

impl From<ProcessError<u32>> for Trouble {
    fn from(error: ProcessError<u32>) -> Self {
        panic!("{error}")
    }
}

impl From<Elapsed> for Trouble {
    fn from(_: Elapsed) -> Self {
        Self::Elapsed
    }
}

/// How a flow is driven.
#[derive(Clone, Copy, Debug, Default)]
struct How {
    breaks: Breaks,
    /// It is polled each millisecond, whether it woke or not.
    impatient: bool,
    /// `poll_progress` is called after each poll.
    progress: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Breaks {
    #[default]
    Never,
    At(usize),
    Always,
}

const HOWS: [How; 4] = [
    How { breaks: Breaks::Always, impatient: false, progress: false },
    How { breaks: Breaks::Always, impatient: true, progress: true },
    How { breaks: Breaks::Never, impatient: true, progress: false },
    How { breaks: Breaks::Never, impatient: false, progress: true },
];

/// What a flow says and when, until its end: items and errors.
async fn told<F: Flow<Item: Debug, Error: Debug>>(flow: Pipe<F>, how: How) -> Vec<(Duration, String)> {
    let mut flow = Box::pin(flow);
    let mut down = Told { start: Instant::now(), said: Vec::new(), breaks: how.breaks, broke: false };
    let mut polls = 0;
    let run = async {
        loop {
            let polled = poll_fn(|cx| {
                polls += 1;
                assert!(polls < 1000, "it is woken again and again");
                let driven = checked_drive(flow.as_mut(), cx, &mut down);
                if how.progress {
                    flow.as_mut().poll_progress(cx);
                }
                if driven.is_pending() && !how.impatient { Poll::Pending } else { Poll::Ready(driven) }
            });
            match polled.await {
                Poll::Ready(Ok(Drive::Ended)) => return,
                Poll::Ready(Ok(Drive::Paused)) => {}
                Poll::Ready(Err(error)) => down.say(&error),
                Poll::Pending => sleep(ms(1)).await,
            }
        }
    };
    tokio::time::timeout(h(1), run).await.expect("the flow is woken until its end");
    down.said
}

async fn lets_go_on<F: Flow<Item: Debug>>(flow: Pipe<F>, note: &Note, breaks: Breaks) {
    let mut flow = Box::pin(flow);
    let mut down = Told { start: Instant::now(), said: Vec::new(), breaks, broke: false };
    let wakes = WakeCounter::new();
    loop {
        note.begin();
        let woken = wakes.count();
        let driven = checked_drive(flow.as_mut(), &mut Context::from_waker(&wakes.waker()), &mut down);
        match driven {
            Poll::Ready(Ok(Drive::Ended)) => return,
            Poll::Pending if wakes.count() == woken => assert!(!note.is_left_off(), "while it waits"),
            _ => {}
        }
        note.begin();
        flow.as_mut().poll_progress(&mut Context::from_waker(&wakes.waker()));
        assert!(!note.is_left_off(), "while nobody asks, after {:?}", down.said);
        sleep(ms(1)).await;
    }
}

/// Drives a flow once; `Paused` is for a break of downstream, and for nothing else.
fn checked_drive<F: Flow<Item: Debug>>(
    flow: Pin<&mut F>,
    cx: &mut Context<'_>,
    down: &mut Told,
) -> Driven<F::Error> {
    down.broke = false;
    let driven = flow.poll_drive(cx, down);
    assert_eq!(matches!(driven, Poll::Ready(Ok(Drive::Paused))), down.broke);
    driven
}

/// Drives a flow by hand, for one item at most, and lets a millisecond pass where it waits.
async fn step<F: Flow>(flow: Pin<&mut F>, wakes: &WakeCounter) -> Driven<F::Error> {
    let driven = flow.poll_drive(&mut Context::from_waker(&wakes.waker()), &mut crate::flow::OneItem(None));
    if driven.is_pending() {
        sleep(ms(1)).await;
    }
    driven
}

/// Notes what it is told, breaks where it should, and checks that no item comes after a break.
struct Told {
    start: Instant,
    said: Vec<(Duration, String)>,
    breaks: Breaks,
    broke: bool,
}

impl Told {
    fn say(&mut self, what: &dyn Debug) {
        self.said.push((self.start.elapsed(), format!("{what:?}")));
    }
}

impl<T: Debug> Downstream<T> for Told {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        assert!(!self.broke, "{item:?} was pushed after a break");
        self.broke = matches!(self.breaks, Breaks::Always) || self.breaks == Breaks::At(self.said.len());
        self.say(&item);
        if self.broke { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Counts what it is given.
struct Taken(usize);

impl<T> Downstream<T> for Taken {
    fn push(&mut self, _: T) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}
