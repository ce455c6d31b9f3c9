use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::StreamExt;
use proptest::prelude::*;
use tokio::time::{Instant, advance, sleep};

use crate::flow::{Flow, OneItem};
use crate::live::Live;
use crate::operator::Recover;
use crate::operator::timeline::{Said, Timeline, Upstream, pauses, play, simulate, source, timelines};
use crate::pipe::Pipe;
use crate::rate::Rate;
use crate::units::{ms, ns, s, us};

/// When each item passes.
async fn times<F: Flow<Error = std::convert::Infallible>>(pipe: Pipe<F>) -> Vec<Duration> {
    let start = Instant::now();
    pipe.map(|_| start.elapsed()).collect::<Vec<_>>().await
}

/// One thing that a throttle says: the item whose turn it is waits, and what is behind it waits for that.
fn delaying(d: u64) -> impl FnMut(u64, &mut Upstream) -> Option<Said> {
    let (mut due, mut next) = (0, None);
    move |now, upstream| {
        let said = next.take().or_else(|| upstream.take())?;
        match said {
            Said::Item(_) if now < due => {
                next = Some(said);
                None
            }
            Said::Item(_) => {
                due = now + d;
                Some(said)
            }
            Said::Error | Said::End => Some(said),
        }
    }
}

proptest! {
    #[test]
    fn says_what_its_model_says(timeline in timelines(8), pauses in pauses(), d in 1u64..12) {
        let throttled = source(&timeline).throttle(ms(d));
        prop_assert_eq!(play(throttled, &pauses), simulate(&timeline, &pauses, delaying(d)));
    }

    #[test]
    fn costs_are_paid_by_the_next(timeline in timelines(8), pauses in pauses(), d in 1u64..6) {
        let cost = |item: u32| u64::from(item % 4);
        let throttled = source(&timeline).with(|items| items.throttle(ms(d)).cost(|x| cost(*x)));
        let (mut due, mut next) = (0, None);
        let expected = simulate(&timeline, &pauses, |now, upstream| {
            let said = next.take().or_else(|| upstream.take())?;
            let Said::Item(item) = said else { return Some(said) };
            if now < due && cost(item) > 0 {
                next = Some(said);
                return None;
            }
            if cost(item) > 0 {
                due = now + d * cost(item);
            }
            Some(said)
        });
        prop_assert_eq!(play(throttled, &pauses), expected);
    }

    /// By any time at most what the rate allows, and the burst; and in steady supply no less.
    #[test]
    fn a_burst_is_a_bucket(timeline in timelines(4), pauses in pauses(), d in 1u64..8, burst in 1u64..9) {
        let throttled = source(&timeline).with(|items| items.throttle(ms(d)).burst(burst));
        let (mut full_at, mut next) = (0, None);
        let expected = simulate(&timeline, &pauses, |now, upstream| {
            let said = next.take().or_else(|| upstream.take())?;
            let Said::Item(_) = said else { return Some(said) };
            if full_at > now + (burst - 1) * d {
                next = Some(said);
                return None;
            }
            full_at = now.max(full_at) + d;
            Some(said)
        });
        prop_assert_eq!(play(throttled, &pauses), expected);
    }
}

proptest! {
    #[test]
    fn what_is_dropped_came_within_the_period(timeline in timelines(4), pauses in pauses(), d in 1u64..12) {
        let mut due = 0;
        let expected = simulate(&timeline, &pauses, |now, upstream| {
            loop {
                match upstream.take()? {
                    Said::Item(_) if now < due => {}
                    Said::Item(item) => {
                        due = now + d;
                        return Some(Said::Item(item));
                    }
                    said => return Some(said),
                }
            }
        });
        let throttled = source(&timeline).with(|items| items.throttle(ms(d)).drop_excess());
        prop_assert_eq!(play(throttled, &pauses), expected);
    }

    #[test]
    fn the_newest_passes_at_the_end_of_the_period(timeline in timelines(4), pauses in pauses(), d in 1u64..12) {
        let (mut due, mut newest, mut tail) = (0, None, None);
        let expected = simulate(&timeline, &pauses, |now, upstream| {
            if now >= due && let Some(item) = newest.take() {
                due = now + d;
                return Some(Said::Item(item));
            }
            while tail.is_none() {
                match upstream.take()? {
                    Said::Item(item) if newest.is_none() && now >= due => {
                        due = now + d;
                        return Some(Said::Item(item));
                    }
                    Said::Item(item) => newest = Some(item),
                    said => tail = Some(said),
                }
            }
            if newest.is_none() { tail.take() } else { None }
        });
        let throttled = source(&timeline).with(|items| items.throttle(ms(d)).latest());
        prop_assert_eq!(play(throttled, &pauses), expected);
    }

    #[test]
    fn each_key_has_a_rate_of_its_own(
        timeline in timelines(4), pauses in pauses(), d in 1u64..12, keys in 1u32..5, capacity in 1usize..9,
    ) {
        let keyed = source(&timeline)
            .with(|items| items.throttle(ms(d)).per_key(|x| x % keys).capacity(capacity));
        prop_assert_eq!(play(keyed, &pauses), simulate(&timeline, &pauses, by_key(d, keys, capacity)));
    }

    #[test]
    fn each_key_loses_items_of_its_own(timeline in timelines(4), pauses in pauses(), d in 1u64..12, keys in 1u32..5) {
        let mut due = vec![0; keys as usize];
        let expected = simulate(&timeline, &pauses, |now, upstream| {
            loop {
                match upstream.take()? {
                    Said::Item(item) if now < due[(item % keys) as usize] => {}
                    Said::Item(item) => {
                        due[(item % keys) as usize] = now + d;
                        return Some(Said::Item(item));
                    }
                    said => return Some(said),
                }
            }
        });
        let before = source(&timeline).with(|items| items.throttle(ms(d)).per_key(|x| x % keys).drop_excess());
        let behind = source(&timeline).with(|items| items.throttle(ms(d)).drop_excess().per_key(|x| x % keys));
        prop_assert_eq!(play(before, &pauses), expected.clone());
        prop_assert_eq!(play(behind, &pauses), expected);
    }
}

/// A queue for each key; of the first ones that are due, the one that is due first goes, and the one that was first for
/// longer.
fn by_key(d: u64, keys: u32, capacity: usize) -> impl FnMut(u64, &mut Upstream) -> Option<Said> {
    let mut due = vec![0; keys as usize];
    let mut queues = vec![VecDeque::new(); keys as usize];
    let (mut first_since, mut tail) = (vec![0; keys as usize], None);
    let mut order = 1..;
    move |now, upstream| {
        let first = (0..keys as usize)
            .filter(|key| !queues[*key].is_empty())
            .min_by_key(|key| (due[*key], first_since[*key]));
        if let Some(key) = first.filter(|key| due[*key] <= now) {
            due[key] = now + d;
            first_since[key] = order.next()?;
            return queues[key].pop_front().map(Said::Item);
        }
        while tail.is_none() && queues.iter().map(VecDeque::len).sum::<usize>() < capacity {
            match upstream.take()? {
                Said::Item(item) => {
                    let key = (item % keys) as usize;
                    if queues[key].is_empty() && due[key] <= now {
                        due[key] = now + d;
                        return Some(Said::Item(item));
                    }
                    if queues[key].is_empty() {
                        first_since[key] = order.next()?;
                    }
                    queues[key].push_back(item);
                }
                said => tail = Some(said),
            }
        }
        if queues.iter().all(VecDeque::is_empty) { tail.take() } else { None }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_all_new_wait_for_room() {
    // Every key is new, and a thousand are known: so a thousand a second at most, and none is lost.
    let start = Instant::now();
    let pipe = Pipe::new(0..20_000u32).with(|items| items.throttle(s(1)).per_key(|x| *x).max_keys(1000));
    assert_eq!(pipe.collect::<Vec<_>>().await, (0..20_000).collect::<Vec<_>>());
    assert_eq!(start.elapsed(), s(19));
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_holds_for_the_keys_that_wait() {
    let rate = Live::new(Rate::per_second(1));
    let pipe = Pipe::new([1, 2, 1, 2]).with(|items| items.throttle(&rate).per_key(|x| *x));
    let start = Instant::now();
    let change = async {
        sleep(ms(500)).await;
        rate.set(Rate::per_second(10));
    };
    let (items, ()) = futures::join!(pipe.map(|x| (x, start.elapsed())).collect::<Vec<_>>(), change);
    assert_eq!(items, [(1, ms(0)), (2, ms(0)), (1, ms(550)), (2, ms(550))]);
}

/// `floor(rate * t)`, in integers.
fn allowed(rate: u64, t: Duration) -> u128 {
    u128::from(rate) * t.as_nanos() / 1_000_000_000
}

#[tokio::test(start_paused = true)]
async fn keeps_its_rate_from_one_a_second_to_a_million() {
    let mut rates =
        vec![1, 2, 3, 7, 13, 60, 99, 100, 333, 997, 999, 1000, 1001, 1999, 3000, 7777, 65_536, 99_999];
    rates.extend([123_456, 500_000, 777_777, 999_999, 1_000_000]);
    for rate in rates {
        let throttle = || Pipe::new(0..).throttle(Rate::per_second(rate as u32));
        let count = (rate * 3).clamp(10, 50_000) as usize;
        // Driven by a terminal, and asked for one by one.
        let by_terminal = times(throttle().take(count)).await;
        let (start, mut one_by_one, mut pipe) = (Instant::now(), Vec::new(), throttle().take(count));
        while pipe.next().await.is_some() {
            one_by_one.push(start.elapsed());
        }
        for times in [by_terminal, one_by_one] {
            assert_eq!(times.len(), count);
            for (i, t) in times.into_iter().enumerate() {
                let before = i as u128;
                assert!(before <= allowed(rate, t), "{rate}/s: {before} and one more by {t:?}");
                // A nanosecond before it passed, it was not yet late.
                let not_late = t.saturating_sub(ms(1)).saturating_sub(ns(1));
                assert!(before >= allowed(rate, not_late), "{rate}/s: only {before} before {t:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keeps_the_rate_of_each_key_where_more_would_wait_than_may() {
    for (rate, keys) in [(1000, 2), (100_000, 3), (1_000_000, 1), (1_000_000, 2)] {
        let pipe =
            Pipe::new(0..rate).with(|items| items.throttle(Rate::per_second(rate)).per_key(|x| x % keys));
        let last = *times(pipe).await.last().unwrap();
        let exact = Duration::from_secs(1) / keys;
        assert!(last.abs_diff(exact) <= ms(2), "{rate}/s, {keys} keys: {last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_is_exact_where_the_period_is_whole_milliseconds() {
    for d in [1, 2, 7, 50, 1000] {
        let expected = (0..100).map(|i| ms(i * d)).collect::<Vec<_>>();
        assert_eq!(times(Pipe::new(0..100).throttle(ms(d))).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_that_is_a_little_late_costs_no_rate() {
    let start = Instant::now();
    let mut pipe = Pipe::new(0..).throttle(ms(10));
    pipe.next().await;
    for i in 1..100 {
        assert!(futures::poll!(pipe.next()).is_pending());
        sleep(ms(i * 10) + us(2500) - start.elapsed()).await;
        assert!(futures::poll!(pipe.next()).is_ready(), "{i}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_late_gets_no_burst() {
    let mut pipe = Pipe::new(0..).throttle(us(100));
    pipe.next().await;
    assert!(futures::poll!(pipe.next()).is_pending());
    advance(ms(50)).await;
    let mut at_once = 0;
    while futures::poll!(pipe.next()).is_ready() {
        at_once += 1;
    }
    assert_eq!(at_once, 1);
    // The same where it did not ask at all.
    advance(ms(50)).await;
    while futures::poll!(pipe.next()).is_ready() {
        at_once += 1;
    }
    assert!(at_once <= 12, "{at_once}");
}

#[tokio::test(start_paused = true)]
async fn a_new_rate_ends_the_wait_for_the_old_one() {
    for by_period in [false, true] {
        let (rate, period) = (Live::new(Rate::per_second(1)), Live::new(s(1)));
        let numbers = Pipe::new(0..4);
        let pipe = if by_period { numbers.throttle(&period) } else { numbers.throttle(rate.clone()) };
        let start = Instant::now();
        let change = async {
            sleep(ms(600)).await;
            rate.set(Rate::per_second(10));
            period.set(ms(100));
            sleep(ms(90)).await;
            rate.set(Rate::per_second(1));
            period.set(s(1));
        };
        let (times, ()) = futures::join!(times(pipe), change);
        // Four tenths of an item were owed: 40 ms more; half an item was owed at the second change: 500 ms more.
        assert_eq!(times, [ms(0), ms(640), ms(690 + 500), ms(1190 + 1000)]);
        assert_eq!(start.elapsed(), ms(2190));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_throttle_leaves_nothing_in_a_live_rate() {
    let rate = Live::new(Rate::per_second(1));
    let (waker, wakes) = counting_waker();
    let mut pipe = Pipe::new(0..4).throttle(&rate);
    let mut poll = || pipe.poll_next_unpin(&mut Context::from_waker(&waker));
    assert!(poll().is_ready() && poll().is_pending());
    rate.set(Rate::per_second(2));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert!(poll().is_pending());
    drop((pipe, waker));
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counting_waker() -> (Waker, Arc<Wakes>) {
    let wakes = Arc::<Wakes>::default();
    (wakes.clone().into(), wakes)
}

#[tokio::test(start_paused = true)]
async fn what_waits_comes_before_the_end_and_before_an_error() {
    let read = || Pipe::new([Ok(1), Ok(2), Err("torn"), Ok(3)]).or_fail().throttle(ms(10));
    let start = Instant::now();
    let mut pipe = read();
    assert_eq!((pipe.next().await, start.elapsed()), (Some(Ok(1)), ms(0)));
    assert_eq!((pipe.next().await, start.elapsed()), (Some(Ok(2)), ms(10)));
    assert_eq!((pipe.next().await, start.elapsed()), (Some(Err("torn")), ms(10)));
    assert_eq!((pipe.next().await, start.elapsed()), (None, ms(10)));
    assert_eq!(times(read().catch(|_| Recover::Skip)).await, [ms(0), ms(10), ms(20)]);
}

#[test]
fn arms_no_timer_while_items_flow() {
    // There is no runtime, in which a timer could be made.
    let flow = Pipe::new(0..10_000).with(|items| items.throttle(Rate::per_second(1)).burst(20_000));
    assert_eq!(futures::executor::block_on(flow.count()), 10_000);
}

#[tokio::test(start_paused = true)]
async fn can_be_dropped_at_any_poll() {
    let timeline: Timeline =
        (0..10).map(|i| (i / 2, Said::Item(i as u32))).chain([(20, Said::End)]).collect();
    for polls in 0..60 {
        let rate = Live::new(Rate::every(ms(3)));
        let held = Arc::new(());
        let read = || {
            let held = held.clone();
            source(&timeline).inspect(move |_| drop(held.clone()))
        };
        drop_after(polls, read().throttle(&rate)).await;
        drop_after(polls, read().with(|items| items.throttle(&rate).latest())).await;
        drop_after(polls, read().with(|items| items.throttle(&rate).drop_excess())).await;
        drop_after(polls, read().with(|items| items.throttle(&rate).per_key(|x| x % 2).max_keys(1))).await;
        drop_after(polls, read().with(|items| items.throttle(&rate).per_key(|x| x % 2).drop_excess())).await;
        drop_after(polls, read().delay(ms(4))).await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

/// Polls that often, a quarter of a millisecond apart, and drops it: it keeps no waker.
async fn drop_after<F: Flow>(polls: usize, pipe: Pipe<F>) {
    let (waker, wakes) = counting_waker();
    let mut pipe = Box::pin(pipe);
    for _ in 0..polls {
        let _ = pipe.as_mut().poll_drive(&mut Context::from_waker(&waker), &mut OneItem(None));
        advance(us(250)).await;
    }
    drop((pipe, waker));
    assert_eq!(Arc::strong_count(&wakes), 1, "a waker is kept after {polls} polls");
}

#[test]
#[should_panic(expected = "one item each zero seconds has no meaning")]
fn refuses_a_period_of_zero() {
    let _ = Pipe::new(0..3).throttle(ms(0));
}

#[test]
#[should_panic(expected = "one item each zero seconds has no meaning")]
fn refuses_a_period_of_zero_while_it_runs() {
    let period = Live::new(ms(1));
    let _pipe = Pipe::new(0..3).throttle(&period);
    period.set(ms(0));
}

#[test]
#[should_panic(expected = "the cost of an item is not negative")]
fn refuses_a_negative_cost() {
    let pipe = Pipe::new(0..3).with(|items| items.throttle(ms(1)).cost(|x| *x - 1));
    futures::executor::block_on(pipe.count());
}
