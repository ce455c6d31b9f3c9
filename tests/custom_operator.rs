//! Operators of another crate: a step, a step that stops, a stage with options, and a terminal, by an extension trait
//! and by `via`, in `pipeline!` and by method.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::executor::block_on;
use pin_project_lite::pin_project;
use reactive_runtime::prelude::*;
use reactive_runtime::step::MayStop;
use reactive_runtime::terminal::{Consume, Consuming};
use reactive_runtime::{Downstream, Drive, Driven, Final, Stage, Staged, Step, Stepped, Stop, Terminal};

trait MyOperators<T, K>: Sized {
    fn double(self) -> Stepped<Double, T, K>
    where
        T: Clone + std::ops::Add<Output = T>;
    fn until(self, last: T) -> Stepped<Until<T>, T, K, MayStop>
    where
        T: PartialEq;
    fn repeat(self) -> Staged<Repeat, T, K>
    where
        T: Clone;
    fn longest(self) -> Final<Longest>
    where
        T: AsRef<str>;
}

impl<T, K> MyOperators<T, K> for Items<T, K> {
    fn double(self) -> Stepped<Double, T, K>
    where
        T: Clone + std::ops::Add<Output = T>,
    {
        self.step(Double)
    }

    fn until(self, last: T) -> Stepped<Until<T>, T, K, MayStop>
    where
        T: PartialEq,
    {
        self.step(Until { last }).may_stop()
    }

    fn repeat(self) -> Staged<Repeat, T, K>
    where
        T: Clone,
    {
        self.stage(Repeat { times: 2, order: Order::TogetherInOrder })
    }

    fn longest(self) -> Final<Longest>
    where
        T: AsRef<str>,
    {
        self.terminal(Longest { length: 0 })
    }
}

struct Double;

impl<T: Clone + std::ops::Add<Output = T>> Step<T> for Double {
    type Out = T;

    fn step(&mut self, item: T, _: &mut Stop) -> Option<T> {
        Some(item.clone() + item)
    }
}

struct Until<T> {
    last: T,
}

impl<T: PartialEq> Step<T> for Until<T> {
    type Out = T;

    fn step(&mut self, item: T, stop: &mut Stop) -> Option<T> {
        if item == self.last {
            stop.stop();
        }
        Some(item)
    }
}

/// Gives each item some times over. Its options are setters on what the operator returns.
struct Repeat {
    times: usize,
    order: Order,
}

#[derive(Clone, Copy)]
enum Order {
    TogetherInOrder,
    Swallowed,
}

trait RepeatOptions {
    fn times(self, times: usize) -> Self;
    fn swallow(self) -> Self;
}

impl<T, K> RepeatOptions for Staged<Repeat, T, K> {
    fn times(self, times: usize) -> Self {
        self.map_op(|op| Repeat { times, ..op })
    }

    fn swallow(self) -> Self {
        self.map_op(|op| Repeat { order: Order::Swallowed, ..op })
    }
}

pin_project! {
    struct RepeatFlow<F: Flow> {
        #[pin]
        upstream: F,
        times: usize,
        rest: Option<(F::Item, usize)>,
    }
}

impl<F: Flow<Item: Clone>> Stage<F> for Repeat {
    type Flow = RepeatFlow<F>;

    fn attach(self, upstream: F) -> RepeatFlow<F> {
        let times = match self.order {
            Order::TogetherInOrder => self.times,
            Order::Swallowed => 0,
        };
        RepeatFlow { upstream, times, rest: None }
    }
}

struct Copies<'a, T, D> {
    times: usize,
    rest: &'a mut Option<(T, usize)>,
    down: &'a mut D,
}

impl<T: Clone, D: Downstream<T>> Copies<'_, T, D> {
    fn give(&mut self, item: T, times: usize) -> ControlFlow<()> {
        for left in (0..times).rev() {
            if self.down.push(item.clone()).is_break() {
                *self.rest = Some((item, left));
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

impl<T: Clone, D: Downstream<T>> Downstream<T> for Copies<'_, T, D> {
    fn push(&mut self, item: T) -> ControlFlow<()> {
        self.give(item, self.times)
    }
}

impl<F: Flow<Item: Clone>> Flow for RepeatFlow<F> {
    type Item = F::Item;
    type Error = F::Error;
    type Bound = F::Bound;

    fn poll_drive<D: Downstream<F::Item>>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        down: &mut D,
    ) -> Driven<F::Error> {
        let me = self.project();
        let rest = me.rest.take();
        let mut copies = Copies { times: *me.times, rest: me.rest, down };
        if let Some((item, left)) = rest
            && copies.give(item, left).is_break()
        {
            return Poll::Ready(Ok(Drive::Paused));
        }
        me.upstream.poll_drive(cx, &mut copies)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        self.project().upstream.poll_progress(cx);
    }
}

struct Longest {
    length: usize,
}

impl<F: Flow<Item: AsRef<str>>> Terminal<F> for Longest {
    type Future = Consuming<F, Self>;

    fn run(self, upstream: F) -> Self::Future {
        Consuming::new(upstream, self)
    }
}

impl<T: AsRef<str>> Consume<T> for Longest {
    type Output = usize;

    fn consume(&mut self, item: T) -> ControlFlow<()> {
        self.length = self.length.max(item.as_ref().len());
        ControlFlow::Continue(())
    }

    fn finish(self) -> usize {
        self.length
    }
}

#[test]
fn steps_stand_between_operators_of_the_library() {
    let doubled =
        pipeline! { 0..4 |> map(|x| x + 1) |> double() |> filter(|x| *x != 4) |> collect::<Vec<_>>() };
    assert_eq!(block_on(doubled), [2, 6, 8]);
}

#[test]
fn a_step_can_stop_an_endless_source() {
    let items = pipeline! { 1.. |> until(3) |> double() |> collect::<Vec<_>>() };
    assert_eq!(block_on(items), [2, 4, 6]);
}

#[test]
fn stages_take_options_by_name_and_flags_by_method() {
    let items = pipeline! { ["a", "b"] |> repeat(times = 3) |> collect::<String>() };
    assert_eq!(block_on(items), "aaabbb");
    let none = pipeline! { ["a", "b"] |> repeat(times = 3).swallow() |> count() };
    assert_eq!(block_on(none), 0);
}

#[test]
fn a_stage_keeps_what_downstream_breaks_off() {
    let items = pipeline! { 0..9 |> take(2) |> repeat(times = 3) |> take(5) |> repeat() |> batch(4) };
    let batches = block_on(items.collect::<Vec<_>>());
    assert_eq!(batches, [vec![0, 0, 0, 0], vec![0, 0, 1, 1], vec![1, 1]]);
}

#[test]
fn terminals_end_a_pipeline() {
    assert_eq!(block_on(pipeline! { ["a", "bcd"] |> longest() }), 3);
    assert_eq!(block_on(Pipe::new(["a", "bcd"]).with(MyOperators::longest)), 3);
}

#[test]
fn functions_join_by_via() {
    fn quadruple<T, K>(items: Items<T, K>) -> Stepped<Double, T, K>
    where
        T: Clone + std::ops::Add<Output = T>,
    {
        items.double()
    }

    let items =
        pipeline! { 0..3 |> via(quadruple) |> via(|items| items.repeat().times(2)) |> collect::<Vec<_>>() };
    assert_eq!(block_on(items), [0, 0, 2, 2, 4, 4]);
    assert_eq!(block_on(Pipe::new(0..3).via(quadruple).collect::<Vec<_>>()), [0, 2, 4]);
}

#[test]
fn errors_pass_through_them() {
    let items = pipeline! {
        ["1", "x", "2"] |> map(str::parse::<i32>)? |> repeat() |> double() |> catch(|_| Recover::Skip) |> collect::<Vec<_>>()
    };
    assert_eq!(block_on(items), [2, 2, 4, 4]);
}
