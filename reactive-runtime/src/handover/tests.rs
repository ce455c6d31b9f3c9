//! Random interleavings of two producers, a sender and a receiver, against a `Vec` of what went in.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::{CHUNK, Producer, Push, Receiver, Refused, Sender, channel};
use crate::flow::{Downstream, Drive};

/// What one of the tasks does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    TryPush,
    /// Begins to push, or polls the push that has begun.
    Push(usize),
    GiveUp(usize),
    Add(usize),
    Publish,
    Fail,
    NewSender,
    /// Takes so many items, or all there are.
    Take(Option<usize>),
    Release,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = Union::new_weighted(vec![
        (3, Just(Act::TryPush).boxed()),
        (4, (0..2usize).prop_map(Act::Push).boxed()),
        (1, (0..2usize).prop_map(Act::GiveUp).boxed()),
        (3, (1..100usize).prop_map(Act::Add).boxed()),
        (2, Just(Act::Publish).boxed()),
        (1, Just(Act::Fail).boxed()),
        (1, Just(Act::NewSender).boxed()),
        (4, proptest::option::weighted(0.7, 1..9usize).prop_map(Act::Take).boxed()),
        (1, Just(Act::Release).boxed()),
    ]);
    vec(act, 1..200)
}

/// A task: how often it was woken, and whether it waits for that.
#[derive(Default)]
struct Task {
    wakes: AtomicUsize,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn wakes(&self) -> usize {
        self.wakes.load(Ordering::Relaxed)
    }
}

/// What comes out: an item is its producer and its number; an error is `Err`.
type Told = Result<(usize, usize), usize>;

struct Out<'a> {
    told: &'a mut Vec<Told>,
    left: Option<usize>,
}

impl Downstream<(usize, usize)> for Out<'_> {
    fn push(&mut self, item: (usize, usize)) -> ControlFlow<()> {
        assert_ne!(self.left, Some(0), "pushed after a break");
        self.told.push(Ok(item));
        self.left = self.left.map(|left| left - 1);
        if self.left == Some(0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Both sides, and what each has seen.
struct Run<'a> {
    capacity: usize,
    producer: &'a Producer<(usize, usize), usize>,
    receiver: Receiver<(usize, usize), usize>,
    sender: Option<Sender<(usize, usize), usize>>,
    pushes: [Option<Push<'a, (usize, usize), usize>>; 2],
    tasks: [Arc<Task>; 4],
    // Since the task at this place was last told to wait; `None` if it does not.
    waits: [Option<usize>; 4],
    numbers: [usize; 4],
    // What the receiver must be told: all that is visible to it.
    visible: Vec<Told>,
    added: Vec<Told>,
    told: Vec<Told>,
    errors: usize,
}

const SENDER: usize = 2;
const RECEIVER: usize = 3;

impl<'a> Run<'a> {
    fn new(
        capacity: usize,
        producer: &'a Producer<(usize, usize), usize>,
        receiver: Receiver<(usize, usize), usize>,
    ) -> Self {
        Self {
            capacity,
            producer,
            receiver,
            sender: Some(producer.clone().into_sender()),
            pushes: [None, None],
            tasks: Default::default(),
            waits: [None; 4],
            numbers: [0; 4],
            visible: Vec::new(),
            added: Vec::new(),
            told: Vec::new(),
            errors: 0,
        }
    }

    fn next_item(&mut self, producer: usize) -> (usize, usize) {
        self.numbers[producer] += 1;
        (producer, self.numbers[producer])
    }

    fn waits(&mut self, task: usize, pending: bool) {
        self.waits[task] = pending.then(|| self.tasks[task].wakes());
    }

    fn is_asleep(&self, task: usize) -> bool {
        self.waits[task].is_some_and(|wakes| self.tasks[task].wakes() == wakes)
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::TryPush => {
                let item = self.next_item(RECEIVER);
                match self.producer.try_push(item) {
                    Ok(()) => self.visible.push(Ok(item)),
                    Err(Refused::Full(back)) => assert_eq!(back, item),
                    Err(Refused::Closed(_)) => panic!("the receiver is there"),
                }
            }
            Act::Push(at) => {
                if self.pushes[at].is_none() {
                    let item = self.next_item(at);
                    self.pushes[at] = Some(self.producer.push(item));
                }
                let waker = Waker::from(self.tasks[at].clone());
                let push = self.pushes[at].as_mut().expect("it has begun");
                let polled = Pin::new(push).poll(&mut Context::from_waker(&waker));
                self.waits(at, polled.is_pending());
                if polled.is_ready() {
                    self.pushes[at] = None;
                    self.visible.push(Ok((at, self.numbers[at])));
                }
            }
            Act::GiveUp(at) => {
                self.pushes[at] = None;
                self.waits[at] = None;
            }
            Act::Add(count) => self.add(count),
            Act::Publish => {
                if let Some(sender) = &mut self.sender {
                    assert!(sender.publish());
                    self.visible.append(&mut self.added);
                }
            }
            Act::Fail => self.fail(),
            Act::NewSender => {
                self.sender = Some(self.producer.clone().into_sender());
                self.visible.append(&mut self.added);
                self.waits[SENDER] = None;
            }
            Act::Take(wanted) => {
                if matches!(self.take(wanted), Poll::Ready(Some(Drive::Paused))) {
                    self.check_room();
                }
            }
            Act::Release => {
                self.receiver.release();
                self.check_room();
            }
        }
    }

    fn add(&mut self, count: usize) {
        let waker = Waker::from(self.tasks[SENDER].clone());
        for _ in 0..count {
            let sender = self.sender.as_mut().expect("there always is one");
            let ready = sender.poll_ready(&Context::from_waker(&waker));
            self.waits(SENDER, ready.is_pending());
            if ready.is_pending() {
                break;
            }
            let item = self.next_item(SENDER);
            let sender = self.sender.as_mut().expect("there always is one");
            sender.add(item);
            self.added.push(Ok(item));
            if sender.is_empty() {
                self.visible.append(&mut self.added);
            }
        }
    }

    /// Only one error may be on its way, as only one flow fails.
    fn fail(&mut self) {
        let on_its_way = self.visible.iter().filter(|told| told.is_err()).count()
            > self.told.iter().filter(|told| told.is_err()).count();
        if on_its_way {
            return;
        }
        self.errors += 1;
        self.sender.as_mut().expect("there always is one").fail(self.errors);
        self.visible.append(&mut self.added);
        self.visible.push(Err(self.errors));
    }

    fn take(&mut self, wanted: Option<usize>) -> Poll<Option<Drive>> {
        let waker = Waker::from(self.tasks[RECEIVER].clone());
        let mut out = Out { told: &mut self.told, left: wanted };
        let driven = self.receiver.poll_drive(&mut Context::from_waker(&waker), &mut out);
        let broke = out.left == Some(0);
        assert_eq!(broke, matches!(driven, Poll::Ready(Ok(Drive::Paused))));
        self.waits(RECEIVER, driven.is_pending());
        driven.map(|told| match told {
            Ok(drive) => Some(drive),
            Err(error) => {
                self.told.push(Err(error));
                None
            }
        })
    }

    /// The receiver, what it was told and must be told, and the tasks.
    fn without_producers(
        mut self,
    ) -> (Receiver<(usize, usize), usize>, Vec<Told>, Vec<Told>, [Arc<Task>; 4]) {
        self.visible.append(&mut self.added);
        (self.receiver, self.told, self.visible, self.tasks)
    }

    /// The receiver may not come back for long: so whoever waits knows of all the room that there is.
    fn check_room(&self) {
        let count = |told: &[Told]| told.iter().filter(|told| told.is_ok()).count();
        let room = self.capacity.saturating_sub(count(&self.visible) - count(&self.told));
        let waiting = || (0..RECEIVER).filter(|task| self.waits[*task].is_some());
        let asleep = waiting().filter(|task| self.is_asleep(*task)).count();
        // Behind an error the sender waits for the receiver.
        if self.errors == 0 {
            assert!(
                asleep == 0 || waiting().count() - asleep >= room,
                "there is room, and a producer sleeps"
            );
        }
    }

    /// What holds after each act.
    fn check(&self) {
        assert_eq!(self.told, self.visible[..self.told.len()], "in order, each once");
        let between = self.visible.iter().filter(|told| told.is_ok()).count()
            - self.told.iter().filter(|told| told.is_ok()).count();
        // The sender may have found its room before the pushes took it.
        assert!(between <= self.capacity + CHUNK, "{between} items, with a capacity of {}", self.capacity);
        if self.visible.len() > self.told.len() {
            assert!(!self.is_asleep(RECEIVER), "there is something, and the receiver sleeps");
        }
        // Whoever waits for items has made all the room that there is.
        if self.is_asleep(RECEIVER) {
            self.check_room();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn keeps_order_and_wakes_whoever_waits(capacity in 1..200usize, acts in acts()) {
        let (producer, receiver) = channel(capacity);
        let mut run = Run::new(capacity, &producer, receiver);
        for act in acts {
            run.act(act);
            run.check();
        }
        let (mut receiver, mut told, visible, tasks) = run.without_producers();
        drop(producer);
        loop {
            let mut out = Out { told: &mut told, left: None };
            match receiver.poll_drive(&mut Context::from_waker(Waker::noop()), &mut out) {
                Poll::Ready(Ok(drive)) => { assert_eq!(drive, Drive::Ended); break }
                Poll::Ready(Err(error)) => told.push(Err(error)),
                Poll::Pending => {}
            }
        }
        drop(receiver);
        assert_eq!(told, visible);
        assert!(tasks.iter().all(|task| Arc::strong_count(task) == 1), "a waker is kept");
    }

    /// With one sender the capacity is exact: in the queue, in the sender, and in the receiver.
    #[test]
    fn holds_no_more_than_its_capacity(capacity in 1..200usize, acts in acts()) {
        let (producer, receiver) = channel(capacity);
        let mut run = Run::new(capacity, &producer, receiver);
        for act in acts {
            if matches!(act, Act::Add(_) | Act::Publish | Act::Take(_) | Act::Release | Act::Fail) {
                run.act(act);
            }
            let made = run.numbers[SENDER];
            let out = run.told.iter().filter(|told| told.is_ok()).count();
            assert!(made - out <= capacity, "{} items between", made - out);
        }
    }
}

#[test]
fn gives_items_back_when_the_receiver_is_gone() {
    let (producer, receiver) = channel::<_, ()>(1);
    let mut sender = producer.clone().into_sender();
    assert!(sender.poll_ready(&Context::from_waker(Waker::noop())).is_ready());
    let task = Arc::<Task>::default();
    let waker = Waker::from(task.clone());
    assert!(producer.try_push("taken").is_ok());
    let mut push = producer.push("waits");
    assert!(Pin::new(&mut push).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(receiver);
    assert_eq!(task.wakes(), 1);
    assert_eq!(Pin::new(&mut push).poll(&mut Context::from_waker(&waker)), Poll::Ready(Err("waits")));
    assert!(matches!(producer.try_push("late"), Err(Refused::Closed("late"))));
    sender.add("unseen");
    assert_eq!(sender.take_unpublished(), ["unseen"]);
}

/// A producer that was woken and goes away leaves the room to the next one.
#[test]
fn a_push_that_is_given_up_passes_its_room_on() {
    let (producer, mut receiver) = channel::<_, ()>(1);
    assert!(producer.try_push(0).is_ok());
    let tasks: [Arc<Task>; 2] = Default::default();
    let mut pushes = [producer.push(1), producer.push(2)];
    for (push, task) in pushes.iter_mut().zip(&tasks) {
        assert!(Pin::new(push).poll(&mut Context::from_waker(&Waker::from(task.clone()))).is_pending());
    }
    let mut told = Vec::new();
    struct Numbers<'a>(&'a mut Vec<i32>);
    impl Downstream<i32> for Numbers<'_> {
        fn push(&mut self, item: i32) -> ControlFlow<()> {
            self.0.push(item);
            ControlFlow::Break(())
        }
    }
    let _ = receiver.poll_drive(&mut Context::from_waker(Waker::noop()), &mut Numbers(&mut told));
    assert_eq!((told, tasks[0].wakes(), tasks[1].wakes()), (vec![0], 1, 0));
    let [first, second] = pushes;
    drop(first);
    assert_eq!(tasks[1].wakes(), 1);
    drop(second);
}
