use std::fmt;

/// Why an item was dropped, by a queue or by a stage that follows the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Reason {
    /// The queue was full.
    QueueFull,
    /// A newer item took its place.
    Displaced,
    /// It was merged into another item. What merges it has taken it, so it is not offered to `on_drop`.
    Conflated,
    /// It fell to the sampling.
    Sampled,
    /// It had waited for too long.
    Sojourn,
    /// Items of a higher class needed its place.
    Priority,
    /// It could no longer be in time.
    Deadline,
    /// The circuit breaker was open.
    CircuitOpen,
    /// It came faster than the rate lets items pass.
    RateExceeded,
    /// A strategy of your own says so.
    Custom,
    /// The queue or the stage was dropped while it held the item; or the end or an error of the stream came while a stage
    /// did.
    Shutdown,
}

impl Reason {
    /// Every reason, in the order of their declaration.
    pub const ALL: [Self; 11] = [
        Self::QueueFull,
        Self::Displaced,
        Self::Conflated,
        Self::Sampled,
        Self::Sojourn,
        Self::Priority,
        Self::Deadline,
        Self::CircuitOpen,
        Self::RateExceeded,
        Self::Custom,
        Self::Shutdown,
    ];

    /// Its name, as it is serialised: `queue_full`, `displaced`, ..
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Displaced => "displaced",
            Self::Conflated => "conflated",
            Self::Sampled => "sampled",
            Self::Sojourn => "sojourn",
            Self::Priority => "priority",
            Self::Deadline => "deadline",
            Self::CircuitOpen => "circuit_open",
            Self::RateExceeded => "rate_exceeded",
            Self::Custom => "custom",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many items were dropped, by reason.
///
/// A queue counts its own; those of a stage are counted in its `on_drop`. With the feature `serde` it is a map of those
/// reasons for which something was dropped: `{"queue_full": 7}`.
///
/// # Examples
///
/// ```
/// # use reactive_runtime::prelude::*;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use reactive_runtime::backpressure::Drops;
///
/// let mut drops = Drops::default();
/// let sampled = pipeline! { 0..10 |> sample(1s, on_drop = |_, reason| drops.add(reason, 1)) |> count() };
/// assert_eq!(sampled.await, 0);
/// assert_eq!(drops.to_string(), "10: 9 displaced, 1 shutdown");
/// # }
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops {
    counts: [u64; Reason::ALL.len()],
}

impl Drops {
    /// How many were dropped for this reason.
    pub fn by(&self, reason: Reason) -> u64 {
        self.counts[reason as usize]
    }

    /// How many were dropped at all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each reason for which something was dropped, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0)
    }

    /// Counts so many more for this reason.
    #[inline]
    pub fn add(&mut self, reason: Reason, count: u64) {
        self.counts[reason as usize] += count;
    }
}

impl fmt::Debug for Drops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for Drops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total())?;
        for (i, (reason, count)) in self.iter().enumerate() {
            write!(f, "{}{count} {reason}", if i == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Drops {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Drops {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut drops = Self::default();
        for (reason, count) in std::collections::HashMap::<Reason, u64>::deserialize(from)? {
            drops.add(reason, count);
        }
        Ok(drops)
    }
}

/// Where the items are that were offered: a snapshot.
///
/// The law holds at every moment: `offered = delivered + failed + dropped + buffered + in_flight`. An item that still
/// waits for room is its owner's, and is not offered yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Accounting {
    /// How many items came.
    pub offered: u64,
    /// How many went on.
    pub delivered: u64,
    /// How many were lost to an error or a panic, those that a strategy refused with an error among them.
    pub failed: u64,
    /// How many were dropped, by reason.
    pub dropped: Drops,
    /// How many are queued.
    pub buffered: u64,
    /// How many were taken and are neither delivered nor failed yet.
    pub in_flight: u64,
}

impl Accounting {
    /// Whether the law holds.
    pub fn balances(&self) -> bool {
        let Self { offered, delivered, failed, dropped, buffered, in_flight } = self;
        *offered == delivered + failed + dropped.total() + buffered + in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_every_reason_once_in_order() {
        for (i, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
        }
    }

    #[test]
    fn tells_drops_by_reason() {
        let mut drops = Drops::default();
        drops.add(Reason::Sampled, 2);
        drops.add(Reason::QueueFull, 5);
        assert_eq!((drops.by(Reason::Sampled), drops.by(Reason::Custom), drops.total()), (2, 0, 7));
        assert_eq!(drops.to_string(), "7: 5 queue_full, 2 sampled");
        assert_eq!(Drops::default().to_string(), "0");
    }
}
