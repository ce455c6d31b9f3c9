//! The operators that watch the clock against models of them: random timelines with items at the same instant, errors, and a
//! consumer that takes its time; all in virtual time.
//!
//! A model is plain code that is asked at a time and says what comes next and when; it knows no polls and no wakers.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use reactive_runtime::prelude::*;
use reactive_runtime::testing::{Timeline, in_virtual_time};
use tokio::time::{Instant, sleep, timeout};

/// Which items are errors: all that are a multiple of it.
const BAD: u32 = 7;

/// What an operator says: an item, an error that does not end it, or the end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Item(u32),
    Error(Trouble),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Bad,
    Elapsed,
}

impl From<Elapsed> for Trouble {
    fn from(_: Elapsed) -> Self {
        Self::Elapsed
    }
}

/// A case: what comes when, in milliseconds, and how long the consumer takes for each item.
#[derive(Clone, Debug)]
struct Case {
    items: Vec<(u64, u32)>,
    end: Option<u64>,
    pauses: Vec<u64>,
}

prop_compose! {
    fn cases()(
        gaps in prop::collection::vec((0..7u64, 1..100u32), 0..25),
        end in prop::option::weighted(0.8, 0..9u64),
        pauses in prop::collection::vec(prop_oneof![2 => Just(0), 1 => 0..15u64], 1..6),
    ) -> Case {
        let mut at = 0;
        let items: Vec<_> = gaps.into_iter().map(|(gap, item)| { at += gap; (at, item) }).collect();
        Case { items, end: end.map(|gap| at + gap), pauses }
    }
}

impl Case {
    fn source(&self) -> Pipe<impl Flow<Item = u32, Error = Failed<Trouble>> + use<>> {
        let source = Timeline::of(self.items.iter().map(|(at, item)| (Duration::from_millis(*at), *item)));
        let source = match self.end {
            Some(at) => source.ends_at(Duration::from_millis(at)),
            None => source,
        };
        Pipe::new(source).try_map(|x| if x % BAD == 0 { Err(Trouble::Bad) } else { Ok(x) })
    }

    /// How long the consumer takes for what comes as the `n`th.
    fn pause(&self, n: usize) -> u64 {
        self.pauses[n % self.pauses.len()]
    }

    /// What a pipeline says when, asked by the consumer of this case.
    fn run<F: Flow<Item = u32, Error = Failed<Trouble>>>(&self, pipe: Pipe<F>) -> Vec<(u64, Said)> {
        in_virtual_time(async {
            let said = pipe.map(Said::Item).catch(|trouble| Recover::With(Said::Error(trouble)));
            let (mut said, mut all, start) = (std::pin::pin!(said), Vec::new(), Instant::now());
            while let Ok(next) = timeout(Duration::from_hours(1), said.next()).await {
                let at = start.elapsed().as_millis().try_into().unwrap();
                all.push((at, next.unwrap_or(Said::End)));
                if next.is_none() {
                    break;
                }
                sleep(Duration::from_millis(self.pause(all.len()))).await;
            }
            all
        })
    }

    /// The same of a model.
    fn simulate(&self, mut model: impl Model) -> Vec<(u64, Said)> {
        let (mut source, mut all, mut now) = (Source::of(self), Vec::new(), 0);
        while let Some((at, said)) = model.ask(now, &mut source) {
            all.push((at, said));
            if said == Said::End {
                break;
            }
            now = at + self.pause(all.len());
        }
        all
    }
}

/// The source of a model: it waits for no demand.
struct Source(VecDeque<(u64, Said)>);

impl Source {
    fn of(case: &Case) -> Self {
        let said = |item| if item % BAD == 0 { Said::Error(Trouble::Bad) } else { Said::Item(item) };
        let items = case.items.iter().map(|(at, item)| (*at, said(*item)));
        Self(items.chain(case.end.map(|at| (at, Said::End))).collect())
    }

    /// What is there by now.
    fn take(&mut self, now: u64) -> Option<Said> {
        self.0.pop_front_if(|(at, _)| *at <= now).map(|(_, said)| said)
    }

    /// When something comes, if it has not come by now.
    fn next(&self) -> Option<u64> {
        self.0.front().map(|(at, _)| *at)
    }
}

trait Model {
    /// What comes next, and when, if it is asked for `now`; `None`: nothing ever.
    fn ask(&mut self, now: u64, source: &mut Source) -> Option<(u64, Said)>;
}

/// Holds the newest item until a time.
struct Newest<H> {
    held: Option<(u32, u64)>,
    /// Until when, of an item that comes now, in place of one that was held until then.
    hold: H,
    at_end: bool,
    ended: bool,
}

impl<H: FnMut(Option<u64>, u64) -> u64> Newest<H> {
    fn new(at_end: bool, hold: H) -> Self {
        Self { held: None, hold, at_end, ended: false }
    }
}

impl<H: FnMut(Option<u64>, u64) -> u64> Model for Newest<H> {
    fn ask(&mut self, mut now: u64, source: &mut Source) -> Option<(u64, Said)> {
        loop {
            // Timers fire before items.
            if let Some((item, _)) = self.held.take_if(|(_, due)| *due <= now) {
                return Some((now, Said::Item(item)));
            }
            if self.ended {
                return Some((now, Said::End));
            }
            while let Some(said) = source.take(now) {
                let held = self.held.take();
                match said {
                    Said::Item(item) => self.held = Some((item, (self.hold)(held.map(|(_, due)| due), now))),
                    Said::Error(_) => return Some((now, said)),
                    Said::End => {
                        self.ended = true;
                        let last = held.filter(|_| self.at_end).map(|(item, _)| Said::Item(item));
                        return Some((now, last.unwrap_or(Said::End)));
                    }
                }
            }
            let due = self.held.map(|(_, due)| due);
            now = due.into_iter().chain(source.next()).min()?;
        }
    }
}

/// Fails when a wait for the source takes too long, or all of them together.
struct Waits {
    each: u64,
    first: Option<u64>,
    left: u64,
    ended: bool,
}

impl Model for Waits {
    fn ask(&mut self, now: u64, source: &mut Source) -> Option<(u64, Said)> {
        if self.ended {
            return Some((now, Said::End));
        }
        let deadline = now + self.first.unwrap_or(self.each).min(self.left);
        let at = source.next().map(|at| at.max(now)).filter(|at| *at <= deadline);
        let Some(at) = at else {
            self.ended = true;
            return Some((deadline, Said::Error(Trouble::Elapsed)));
        };
        self.left -= at - now;
        self.first = None;
        source.take(at).map(|said| (at, said))
    }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const FOREVER: u64 = u64::MAX / 2;

proptest! {
    #![proptest_config(Config {
        cases: 1000,
        rng_seed: RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn debounce(case in cases(), quiet in 1..9u64, max_wait in prop::option::of(1..15u64)) {
        let mut limit = 0;
        let model = Newest::new(true, move |replaced, now| {
            if replaced.is_none() {
                limit = now + max_wait.unwrap_or(FOREVER);
            }
            limit.min(now + quiet)
        });
        let got = match max_wait {
            Some(max_wait) => case.run(case.source().with(|i| i.debounce(ms(quiet)).max_wait(ms(max_wait)))),
            None => case.run(case.source().debounce(ms(quiet))),
        };
        prop_assert_eq!(got, case.simulate(model));
    }

    #[test]
    fn audit(case in cases(), period in 1..12u64) {
        let model = Newest::new(true, |replaced, now| replaced.unwrap_or(now + period));
        prop_assert_eq!(case.run(case.source().audit(ms(period))), case.simulate(model));
    }

    #[test]
    fn sample(case in cases(), period in 1..12u64) {
        let next_tick = |replaced: Option<u64>, now| replaced.unwrap_or((now / period + 1) * period);
        let got = case.run(case.source().sample(ms(period)));
        prop_assert_eq!(got, case.simulate(Newest::new(false, next_tick)));
    }

    #[test]
    fn timeouts(
        case in cases(),
        each in 1..9u64,
        first in prop::option::of(1..9u64),
        total in prop::option::of(1..60u64),
    ) {
        let model = Waits { each, first, left: total.unwrap_or(FOREVER), ended: false };
        let pipe = case.source().with(|items| {
            let op = items.timeout(ms(each));
            let op = first.into_iter().fold(op, |op, first| op.first(ms(first)));
            total.into_iter().fold(op, |op, total| op.total(ms(total)))
        });
        prop_assert_eq!(case.run(pipe), case.simulate(model));
    }
}
