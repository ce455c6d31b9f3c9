//! Whole feeds: items are pushed, wait, are taken back and go on in some order, until the pipeline or the feeders are gone.

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt};
use reactive_runtime::prelude::*;
use reactive_runtime::units::{ms, s};
use tokio::time::timeout;

use crate::Told;
use crate::strategies::{COUNT, strategy};
use crate::world::{Item, Random, begin, goes, handed, light_the_fuse, seen, survives, turns};

type Taking = std::pin::Pin<Box<dyn futures::Stream<Item = ()>>>;

struct Fed {
    feeder: Option<SheddingFeeder<Item>>,
    // Each with its item, until it is ready.
    pushes: Vec<BoxFuture<'static, ()>>,
    taking: Option<Taking>,
    monitor: BackpressureMonitor,
    came: u64,
}

/// Runs a schedule.
pub(crate) async fn run(mut random: Random) -> Told {
    begin();
    let mut fed = Fed::new(&mut random);
    for _ in 0..4 + random.below(28) {
        fed.step(&mut random).await;
        fed.assert_law();
    }
    let fuse = (random.below(8) == 0).then_some(0);
    if !seen().burnt && random.below(3) > 0 {
        light_the_fuse(None);
        fed.come_to_the_end().await;
    }
    light_the_fuse(fuse);
    fed.cut_off(&mut random)
}

impl Fed {
    fn new(random: &mut Random) -> Self {
        let monitor = BackpressureMonitor::new();
        let strategy = strategy(random.below(COUNT), random);
        let feed = Feed::new(1 + random.below(4))
            .backpressure(strategy)
            .on_drop(handed)
            .on_pressure(turns)
            .monitor(&monitor);
        let (feeder, pipe) = feed.open();
        let pipe = pipe.inspect(goes);
        let taking: Taking = match random.below(2) {
            0 => Box::pin(StreamExt::map(pipe.catch(|_| Recover::Skip), drop)),
            _ => Box::pin(StreamExt::map(pipe, drop)),
        };
        Self { feeder: Some(feeder), pushes: Vec::new(), taking: Some(taking), monitor, came: 0 }
    }

    fn feeder(&self) -> &SheddingFeeder<Item> {
        self.feeder.as_ref().expect("it is there until the end")
    }

    async fn step(&mut self, random: &mut Random) {
        let class = random.below(5) as u32;
        let some = random.below(self.pushes.len().max(1));
        match random.below(16) {
            0..5 => {
                let item = Item::new(class);
                survives(|| _ = self.feeder().try_push(item));
            }
            5 | 6 => {
                let (feeder, item) = (self.feeder().clone(), Item::new(class));
                self.pushes.push(async move { _ = feeder.push(item).await }.boxed());
            }
            7..9 if some < self.pushes.len() => {
                let pushed = survives(|| (&mut self.pushes[some]).now_or_never());
                // One that has panicked has lost its item.
                if pushed.is_none_or(|pushed| pushed.is_some()) {
                    survives(|| drop(self.pushes.swap_remove(some)));
                }
            }
            9 if some < self.pushes.len() => _ = survives(|| drop(self.pushes.swap_remove(some))),
            10..12 => {
                if let Some(taking) = &mut self.taking {
                    survives(|| _ = taking.next().now_or_never());
                }
            }
            12 => light_the_fuse(Some(random.below(12))),
            13 if random.below(12) == 0 => _ = survives(|| self.taking = None),
            // Now and then so long that a queue is seen to stand.
            _ => tokio::time::advance(ms(random.below(if class == 0 { 150 } else { 20 }) as u64)).await,
        }
    }

    fn assert_law(&mut self) {
        let Some(metrics) = survives(|| self.feeder().metrics()) else { return };
        let (told, seen) = (metrics.accounting, seen());
        assert!(told.balances(), "{told:?}");
        assert!(told.offered >= self.came && told.delivered <= seen.went, "{told:?}, {seen:?}");
        self.came = told.offered;
        if seen.burnt {
            return;
        }
        // One that went on is told of when the next one is asked for, or nobody will ask.
        assert_eq!(seen.live, told.buffered + self.pushes.len() as u64, "{told:?}, {seen:?}");
        assert_eq!(told.delivered + told.in_flight, seen.went, "{told:?}, {seen:?}");
        let merged = told.dropped.by(Reason::Conflated) - seen.handed.by(Reason::Conflated);
        assert_eq!(seen.handed.total() + merged, told.dropped.total(), "{told:?}, {seen:?}");
    }

    /// Nobody waits for ever.
    async fn come_to_the_end(&mut self) {
        self.feeder = None;
        let pushes = join_all(std::mem::take(&mut self.pushes));
        let taking = async {
            if let Some(taking) = &mut self.taking {
                while let Some(()) = taking.next().await {}
            }
        };
        let both = async { tokio::join!(pushes, taking) };
        timeout(s(60), both).await.expect("nobody waits for ever");
    }

    fn cut_off(self, random: &mut Random) -> Told {
        let Self { feeder, pushes, taking, monitor, .. } = self;
        // In each order.
        if random.below(2) == 0 {
            survives(|| drop(feeder));
            survives(|| drop(pushes));
            survives(|| drop(taking));
        } else {
            survives(|| drop(taking));
            survives(|| drop(pushes));
            survives(|| drop(feeder));
        }
        light_the_fuse(None);
        let (told, seen) = (monitor.accounting(), seen());
        assert!(told.balances() && told.buffered + told.in_flight == 0, "{told:?}");
        assert_eq!((seen.live, told.delivered), (0, seen.went), "{told:?}, {seen:?}");
        let merged = told.dropped.by(Reason::Conflated) - seen.handed.by(Reason::Conflated);
        let handed = seen.handed.total() + merged;
        assert!(handed <= told.dropped.total(), "{told:?}, {seen:?}");
        if !seen.burnt {
            assert_eq!(handed, told.dropped.total(), "{told:?}, {seen:?}");
        }
        Told { drops: told.dropped, failed: told.failed, panics: seen.burnt.into(), ..Told::default() }
    }
}
