use std::collections::VecDeque;
use std::time::Duration;

/// What is known of the calls of late.
#[derive(Clone, Debug)]
pub(super) enum Window {
    /// Counts failures in a row.
    Consecutive { limit: u64, in_a_row: u64 },
    /// The last calls.
    Count { size: usize, ended: VecDeque<Ended>, totals: Totals },
    /// The calls of the last time, in ten buckets: the eldest tenth is forgotten at once.
    Time { bucket: Duration, buckets: Box<[Bucket]> },
}

const BUCKETS: u64 = 10;

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    number: u64,
    totals: Totals,
}

impl Totals {
    pub(super) fn add(&mut self, Ended { failed, slow }: Ended) {
        self.calls += 1;
        self.failed += u64::from(failed);
        self.slow += u64::from(slow);
    }

    fn remove(&mut self, Ended { failed, slow }: Ended) {
        self.calls -= 1;
        self.failed -= u64::from(failed);
        self.slow -= u64::from(slow);
    }

    /// Whether at least `ratio` of the calls are among `some`.
    pub(super) fn reach(&self, some: u64, ratio: f64) -> bool {
        self.calls > 0 && some as f64 >= ratio * self.calls as f64
    }
}

impl Window {
    pub(super) fn time(length: Duration) -> Self {
        let bucket = (length / BUCKETS as u32).max(Duration::from_nanos(1));
        Self::Time { bucket, buckets: vec![Bucket::default(); BUCKETS as usize].into() }
    }

    pub(super) fn record(&mut self, now: Duration, call: Ended) {
        match self {
            Self::Consecutive { in_a_row, .. } if call.failed || call.slow => *in_a_row += 1,
            Self::Consecutive { in_a_row, .. } => *in_a_row = 0,
            Self::Count { size, ended, totals } => {
                if ended.len() == *size
                    && let Some(eldest) = ended.pop_front()
                {
                    totals.remove(eldest);
                }
                ended.push_back(call);
                totals.add(call);
            }
            Self::Time { bucket, buckets } => {
                let number = number(now, *bucket);
                let place = &mut buckets[(number % BUCKETS) as usize];
                if place.number != number {
                    *place = Bucket { number, totals: Totals::default() };
                }
                place.totals.add(call);
            }
        }
    }

    /// The calls that count at this time.
    pub(super) fn totals(&self, now: Duration) -> Totals {
        match self {
            Self::Consecutive { in_a_row, .. } => Totals { calls: *in_a_row, failed: *in_a_row, slow: 0 },
            Self::Count { totals, .. } => *totals,
            Self::Time { bucket, buckets } => {
                let number = number(now, *bucket);
                let mut sum = Totals::default();
                for Bucket { totals, .. } in buckets.iter().filter(|b| b.number + BUCKETS > number) {
                    sum.calls += totals.calls;
                    sum.failed += totals.failed;
                    sum.slow += totals.slow;
                }
                sum
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Consecutive { in_a_row, .. } => *in_a_row = 0,
            Self::Count { ended, totals, .. } => {
                ended.clear();
                *totals = Totals::default();
            }
            Self::Time { buckets, .. } => buckets.fill(Bucket::default()),
        }
    }
}

fn number(now: Duration, bucket: Duration) -> u64 {
    (now.as_nanos() / bucket.as_nanos()) as u64
}
