use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// The branches of a split: a tuple of up to eight futures, or an array of them.
#[diagnostic::on_unimplemented(
    message = "the branches must be a tuple or an array of futures",
    label = "not all that this closure gives are futures",
    note = "end each branch in a terminal, and give all of them: `|[a, b]| (pipeline!(a |> count()), pipeline!(b |> count()))`"
)]
pub trait Branches {
    /// What all of them give, in the same form.
    type Results;

    /// All of them, as they run.
    type Joined: Joined;

    /// Begins to run them. Nothing is polled yet.
    fn join(self) -> Self::Joined;

    /// Puts their outputs into form.
    fn results(outputs: <Self::Joined as Joined>::Outputs) -> Self::Results;
}

/// A branch: a future.
//
// A trait of its own for its message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "each branch must be a future, and one of these is none",
    label = "not all that this closure gives are futures",
    note = "end each branch in a terminal: `pipeline!(a |> map(f) |> count())`"
)]
pub trait Ending: Future {}

#[diagnostic::do_not_recommend]
impl<A: Future> Ending for A {}

/// Futures that run together.
pub trait Joined {
    /// What they give.
    type Outputs;

    /// Polls those that are not ready; `true` when all are.
    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool;

    /// Takes what they have given, once all are ready.
    fn outputs(self: Pin<&mut Self>) -> Self::Outputs;
}

/// No more futures.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Joined for Nothing {
    type Outputs = ();

    fn poll_all(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
        true
    }

    fn outputs(self: Pin<&mut Self>) {}
}

pin_project! {
    /// A future, and then what it has given.
    //
    // `O`, and not `A::Output`: a field of a projected type would keep the compiler from seeing that a future which holds
    // the split is `Send`.
    pub struct Running<A, O> {
        // Dropped as soon as it is ready.
        #[pin]
        future: Option<A>,
        output: Option<O>,
    }
}

impl<A, O> fmt::Debug for Running<A, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("ready", &self.future.is_none()).finish_non_exhaustive()
    }
}

impl<A, O> Running<A, O> {
    fn new(future: A) -> Self {
        Self { future: Some(future), output: None }
    }
}

impl<A: Future<Output = O>, O> Joined for Running<A, O> {
    type Outputs = O;

    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut me = self.project();
        let Some(future) = me.future.as_mut().as_pin_mut() else { return true };
        let Poll::Ready(output) = future.poll(cx) else { return false };
        *me.output = Some(output);
        me.future.set(None);
        true
    }

    fn outputs(self: Pin<&mut Self>) -> O {
        self.project().output.take().expect("outputs are taken once, when all futures are ready")
    }
}

pin_project! {
    /// A future, and others.
    #[derive(Debug)]
    pub struct Both<A, B> {
        #[pin]
        first: A,
        #[pin]
        others: B,
    }
}

impl<A: Joined, B: Joined> Joined for Both<A, B> {
    type Outputs = (A::Outputs, B::Outputs);

    fn poll_all(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let me = self.project();
        // Both are polled in any case.
        me.first.poll_all(cx) & me.others.poll_all(cx)
    }

    fn outputs(self: Pin<&mut Self>) -> Self::Outputs {
        let me = self.project();
        (me.first.outputs(), me.others.outputs())
    }
}

/// `N` futures of one type.
#[derive(Debug)]
pub struct Each<A, O, const N: usize>([Pin<Box<Running<A, O>>>; N]);

impl<A: Future<Output = O>, O, const N: usize> Joined for Each<A, O, N> {
    type Outputs = [O; N];

    fn poll_all(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.0.iter_mut().fold(true, |ready, running| running.as_mut().poll_all(cx) & ready)
    }

    fn outputs(mut self: Pin<&mut Self>) -> Self::Outputs {
        self.0.each_mut().map(|running| running.as_mut().outputs())
    }
}

impl<A: Ending, const N: usize> Branches for [A; N] {
    type Results = [A::Output; N];
    type Joined = Each<A, A::Output, N>;

    fn join(self) -> Self::Joined {
        Each(self.map(|future| Box::pin(Running::new(future))))
    }

    fn results(outputs: Self::Results) -> Self::Results {
        outputs
    }
}

macro_rules! nested {
    () => { Nothing };
    ($first:ident $($others:ident)*) => {
        Both { first: Running::new($first), others: nested!($($others)*) }
    };
}

macro_rules! nested_type {
    () => { Nothing };
    ($first:ident $($others:ident)*) => { Both<Running<$first, $first::Output>, nested_type!($($others)*)> };
}

macro_rules! nested_pattern {
    () => { () };
    ($first:ident $($others:ident)*) => { ($first, nested_pattern!($($others)*)) };
}

macro_rules! branches {
    ($($future:ident $name:ident),+) => {
        impl<$($future: Ending),+> Branches for ($($future,)+) {
            type Results = ($($future::Output,)+);
            type Joined = nested_type!($($future)+);

            fn join(self) -> Self::Joined {
                let ($($name,)+) = self;
                nested!($($name)+)
            }

            fn results(nested_pattern!($($name)+): <Self::Joined as Joined>::Outputs) -> Self::Results {
                ($($name,)+)
            }
        }
    };
}

branches!(A a);
branches!(A a, B b);
branches!(A a, B b, C c);
branches!(A a, B b, C c, D d);
branches!(A a, B b, C c, D d, E e);
branches!(A a, B b, C c, D d, E e, G g);
branches!(A a, B b, C c, D d, E e, G g, H h);
branches!(A a, B b, C c, D d, E e, G g, H h, I i);
