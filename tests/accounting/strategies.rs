//! Every strategy, as one type.

use std::convert::Infallible;

use reactive_runtime::backpressure::{
    AgesOf, Configured, Decision, Queued, Signal, Strategy, Victim, Watermarks,
};
use reactive_runtime::circuit_breaker::CircuitState;
use reactive_runtime::prelude::*;
use reactive_runtime::units::ms;

use crate::world::{Broken, Item, Random, burn};

/// How many there are.
pub(crate) const COUNT: usize = 21;

pub(crate) fn strategy(number: usize, random: &mut Random) -> Any {
    let breaker = CircuitBreaker::consecutive(1 + random.below(2) as u32)
        .recovery_timeout(ms(30))
        .probes(1 + random.below(2) as u32);
    let trip = |while_open| TripOnOverload::new(breaker.clone()).after(ms(20)).while_open(while_open);
    let merge = |held: &mut Item, item: Item| {
        burn();
        held.class += item.class;
    };
    let in_time = |item: &Item| {
        burn();
        ms(10 * u64::from(item.class))
    };
    match number {
        0 => never(Block),
        1 => never(DropOldest),
        2 => never(DropNewest),
        3 => never(DropIncoming),
        4 => never(DropAll),
        5 => fails(Fail),
        6 => never(Latest),
        7 => never(Conflate(merge)),
        8 => never(Sample(0.4)),
        9 => never(Adaptive::new(ms(20))),
        10 => never(BlockFor(ms(20), Conflate(merge))),
        11 => never(BlockFor(ms(10), DropNewest)),
        12 => never(DropLowest(|item: &Item| {
            burn();
            item.class
        })),
        13 => never(DropLate::by(in_time)),
        14 => fails(trip(WhileOpen::Hold)),
        15 => fails(trip(WhileOpen::Drop)),
        16 => fails(trip(WhileOpen::Fail)),
        17 => fails(trip(WhileOpen::fallback(|item| {
            burn();
            item
        }))),
        18 => fails(BlockFor(ms(10), trip(WhileOpen::Fail))),
        19 => fails(configured(random)),
        20 => fails(Erratic(random.clone())),
        _ => unreachable!("there are {COUNT}"),
    }
}

fn configured(random: &mut Random) -> Configured<Item> {
    let all = [
        BackpressureStrategy::Block,
        BackpressureStrategy::DropOldest,
        BackpressureStrategy::DropNewest,
        BackpressureStrategy::DropIncoming,
        BackpressureStrategy::DropAll,
        BackpressureStrategy::Fail,
        BackpressureStrategy::Latest,
        BackpressureStrategy::Sample,
        BackpressureStrategy::Adaptive,
        BackpressureStrategy::CircuitBreaker,
    ];
    let strategy = all[random.below(all.len())];
    BackpressureConfig { strategy, ..BackpressureConfig::default() }.build().expect("it is valid")
}

/// A strategy by number.
pub(crate) struct Any(Box<dyn Strategy<Item, Fault = Failed<Broken>> + Send>);

fn never(strategy: impl Strategy<Item, Fault = Infallible> + Send + 'static) -> Any {
    Any(Box::new(Never(strategy)))
}

fn fails(strategy: impl Strategy<Item, Fault = Failed<Overloaded<Item>>> + Send + 'static) -> Any {
    Any(Box::new(Fails(strategy)))
}

struct Never<S>(S);

struct Fails<S>(S);

macro_rules! is_the_strategy_within {
    ($name:ident $(<$S:ident: $fault:ty>)?, |$failed:ident| $fail:expr) => {
        impl $(<$S: Strategy<Item, Fault = $fault>>)? Strategy<Item> for $name $(<$S>)? {
            type Fault = Failed<Broken>;

            fn offer(&mut self, item: &Item, queue: &Queued<Item>) -> Decision {
                self.0.offer(item, queue)
            }

            fn take(&mut self, oldest: &Item, queue: &Queued<Item>) -> Option<Reason> {
                self.0.take(oldest, queue)
            }

            fn wants(&self, queue: &Queued<Item>) -> bool {
                self.0.wants(queue)
            }

            fn fail(&mut self, item: Item) -> Result<Failed<Broken>, Item> {
                self.0.fail(item).map(|$failed| $fail)
            }

            fn merge(&mut self, item: Item, youngest: &mut Item) -> Option<Item> {
                self.0.merge(item, youngest)
            }

            fn replace(&mut self, item: Item) -> Item {
                self.0.replace(item)
            }

            fn notice(&mut self, signal: Signal, queue: &Queued<Item>) {
                self.0.notice(signal, queue);
            }

            fn check(&self) {
                self.0.check();
            }

            fn name(&self) -> &'static str {
                self.0.name()
            }

            fn watermarks(&self) -> Watermarks {
                self.0.watermarks()
            }

            fn ages(&self) -> AgesOf {
                self.0.ages()
            }

            fn circuit_open(&self) -> bool {
                self.0.circuit_open()
            }

            fn circuit_change(&mut self) -> Option<CircuitState> {
                self.0.circuit_change()
            }

            fn monitor(&self) -> Option<&BackpressureMonitor> {
                self.0.monitor()
            }
        }
    };
}

is_the_strategy_within!(Never<S: Infallible>, |never| match never {});
is_the_strategy_within!(Fails<S: Failed<Overloaded<Item>>>, |failed| Failed(failed.0.into()));
is_the_strategy_within!(Any, |failed| failed);

/// Does anything at any time, and panics anywhere.
struct Erratic(Random);

impl Strategy<Item> for Erratic {
    type Fault = Failed<Overloaded<Item>>;

    fn offer(&mut self, _: &Item, queue: &Queued<Item>) -> Decision {
        burn();
        let victims = [Victim::Oldest, Victim::Newest, Victim::All, Victim::At(self.0.below(7))];
        match self.0.below(16) {
            0 => Decision::Drop(Reason::Custom),
            1 | 2 => Decision::MakeRoom(victims[self.0.below(4)], Reason::Custom),
            3 => Decision::Merge,
            4 => Decision::Replace(Reason::Custom),
            // What an empty queue cannot bring it would wait for in vain.
            5 if !queue.is_empty() => Decision::Wait,
            6 => Decision::WaitUntil(queue.now() + ms(self.0.below(20) as u64)),
            7 => Decision::Fail,
            _ => Decision::Keep,
        }
    }

    fn take(&mut self, _: &Item, _: &Queued<Item>) -> Option<Reason> {
        burn();
        (self.0.below(4) == 0).then_some(Reason::Custom)
    }

    fn fail(&mut self, item: Item) -> Result<Self::Fault, Item> {
        burn();
        if self.0.below(2) == 0 { Ok(Failed(Overloaded(item))) } else { Err(item) }
    }

    fn merge(&mut self, item: Item, _: &mut Item) -> Option<Item> {
        burn();
        (self.0.below(2) == 0).then_some(item)
    }

    fn replace(&mut self, item: Item) -> Item {
        burn();
        item
    }

    fn notice(&mut self, _: Signal, _: &Queued<Item>) {
        burn();
    }
}
