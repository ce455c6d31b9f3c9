use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::run::{Run, Spot, State};

/// Where the time of a pipeline went: made by [`Profiler::report`](super::Profiler::report).
///
/// Its `Display` is a table, with the bottleneck in words below it.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Report {
    /// The name of the pipeline, if it has one.
    pub pipeline: Option<String>,
    /// The file that it is written in.
    pub file: String,
    /// The line of its source.
    pub line: u32,
    /// From its first poll to now, or to its end. In serde's formats these times are seconds.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub elapsed: Duration,
    /// Whether it has ended, or was dropped.
    pub finished: bool,
    /// The source, the stages and the terminal. Steps in a row are one.
    pub stages: Vec<StageReport>,
}

/// Where the time of one stage went. What is missing to the whole is the time before its first poll and after its end.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StageReport {
    /// The name of its operator, `map |> filter` of steps in a row; the text of the source.
    pub name: String,
    /// The line where it is written.
    pub line: u32,
    /// Whether it is the terminal.
    pub is_terminal: bool,
    /// How many items came to it.
    pub items_in: u64,
    /// How many it gave; none for a terminal.
    pub items_out: u64,
    /// For how long it worked.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub busy: Duration,
    /// For how long it waited for items from above.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub starved: Duration,
    /// For how long it waited for somebody to want its items.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub blocked: Duration,
    /// The part of `busy` in which it held up all others: what is below waited for it, and what is above had nothing to do.
    #[cfg_attr(feature = "serde", serde(with = "seconds"))]
    pub held_up: Duration,
}

impl Report {
    /// The stage that held up the others for the longest time, if that is a tenth of all or more; none where whoever reads the
    /// pipeline did so for longer.
    pub fn bottleneck(&self) -> Option<&StageReport> {
        let slowest = self.stages.iter().rev().max_by_key(|stage| stage.held_up)?;
        (self.share(slowest.held_up) >= 0.1 && slowest.held_up >= self.unread()).then_some(slowest)
    }

    /// For how long nobody wanted an item of the pipeline.
    fn unread(&self) -> Duration {
        self.stages.last().map_or(Duration::ZERO, |last| last.blocked)
    }

    fn share(&self, part: Duration) -> f64 {
        if self.elapsed.is_zero() { 0.0 } else { part.as_secs_f64() / self.elapsed.as_secs_f64() }
    }

    pub(super) fn of(run: &Run) -> Self {
        let spots: Vec<_> = run.spots.iter().filter(|spot| spot.place.get().is_some()).collect();
        let running = |spot: &&Arc<Spot>| !matches!(spot.state.load(), State::Before | State::Ended);
        let finished =
            !spots.iter().any(running) && spots.iter().any(|spot| spot.state.load() == State::Ended);
        let ended = spots.iter().map(|spot| spot.since.load(Relaxed)).max().unwrap_or(0);
        let now = if finished { ended } else { run.elapsed().max(ended) };
        let below = below(run, spots.len());
        let mut stages = Vec::new();
        let (mut group, mut above, mut items) = (None, 0, 0);
        for (at, spot) in spots.iter().enumerate() {
            let root = spot.root.load(Relaxed);
            if group.replace(root) != Some(root) {
                // It runs on another task than what is above it.
                above = 0;
            }
            let stage = stage(run, at, now, &mut above, below[at], items);
            items = stage.items_out;
            stages.push(stage);
        }
        Self {
            pipeline: run.plan.name.map(str::to_owned),
            file: run.plan.file.to_owned(),
            line: run.plan.line,
            elapsed: Duration::from_nanos(now),
            finished,
            stages,
        }
    }
}

/// The time that went below each place. What hands few items on of many that it takes is seldom met by a sample there; the
/// samples below it know better.
fn below(run: &Run, places: usize) -> Vec<u64> {
    let spots = &run.spots[..places];
    let mut below: Vec<_> = spots.iter().map(|spot| spot.below.load(Relaxed)).collect();
    for at in (1..places).rev() {
        let spot = &spots[at];
        let measured = spot.below.load(Relaxed);
        if measured > 0 && spot.root.load(Relaxed) == spots[at - 1].root.load(Relaxed) {
            let passed = u128::from(below[at]) * u128::from(spot.passed.load(Relaxed)) / u128::from(measured);
            below[at - 1] = below[at - 1].max(passed as u64);
        }
    }
    below
}

/// One stage; `above` is the time in polls that went above it, and then what went above what is below it.
fn stage(run: &Run, at: usize, now: u64, above: &mut u64, below: u64, items_in: u64) -> StageReport {
    let spot = &run.spots[at];
    let place = spot.place.get().expect("only places with a meter are reported");
    let root = spot.root.load(Relaxed);
    let mut waited = spot.waited.each_ref().map(|waited| waited.load(Relaxed));
    let mut polled = spot.polled.load(Relaxed);
    let state = spot.state.load();
    if !matches!(state, State::Before | State::Ended) {
        let (more, poll) = spot.since(now, run.spots[root].polls.load(Relaxed));
        waited[state as usize] = waited[state as usize].wrapping_add(more);
        polled += poll;
    }
    let total = run.spots[root].called.load(Relaxed);
    let to_here = spot.called.load(Relaxed).saturating_sub(below).clamp((*above).min(total), total);
    let part = |nanos: u64| if total == 0 { 0.0 } else { nanos as f64 / total as f64 * polled as f64 };
    let (starved, busy, blocked) = (part(*above), part(to_here - *above), part(total - to_here));
    *above = to_here;
    let time = |state: State, polled: f64| {
        // See `Spot::since`.
        let nanos = (waited[state as usize] as i64).saturating_add(polled as i64);
        Duration::from_nanos(nanos.max(0) as u64)
    };
    let held_up = time(State::HoldsUp, busy);
    StageReport {
        name: place.name(),
        line: place.line(),
        is_terminal: place.is_terminal(),
        items_in,
        items_out: if place.is_terminal() { 0 } else { spot.items.load(Relaxed) },
        busy: held_up + time(State::Busy, 0.0),
        starved: time(State::Starved, starved),
        blocked: time(State::Blocked, blocked),
        held_up,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.pipeline {
            write!(f, "{name:?} at ")?;
        }
        let state = if self.finished { "" } else { " so far" };
        writeln!(f, "{}:{}, {:.1?}{state}", self.file, self.line, self.elapsed)?;
        let width = self.stages.iter().map(|stage| short(&stage.name).chars().count()).max().unwrap_or(0);
        writeln!(f, "{:width$}  line     items    busy  starved  blocked", "")?;
        for stage in &self.stages {
            let items = if stage.is_terminal { stage.items_in } else { stage.items_out };
            let [busy, starved, blocked] =
                [stage.busy, stage.starved, stage.blocked].map(|t| percent(self.share(t)));
            writeln!(
                f,
                "{:width$}  {:4}  {items:8}  {busy:>6}   {starved:>6}   {blocked:>6}",
                short(&stage.name),
                stage.line
            )?;
        }
        self.say_bottleneck(f)
    }
}

impl Report {
    fn say_bottleneck(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(slowest) = self.bottleneck() else {
            return f.write_str(if self.share(self.unread()) >= 0.1 {
                "whoever reads the pipeline holds it up"
            } else {
                "no stage holds up the others"
            });
        };
        let is_source = self.stages.first().is_some_and(|source| std::ptr::eq(source, slowest));
        let waits = if is_source {
            "everything downstream waits for it"
        } else {
            "everything upstream is blocked on it"
        };
        let busy = percent(self.share(slowest.busy));
        write!(f, "`{}` at {}:{}: busy {busy}; {waits}", short(&slowest.name), self.file, slowest.line)
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// Names of many fused steps, and sources, may be long.
fn short(name: &str) -> String {
    const MOST: usize = 40;
    match name.char_indices().nth(MOST) {
        Some(_) => name.chars().take(MOST - 2).chain("..".chars()).collect(),
        None => name.to_owned(),
    }
}

#[cfg(feature = "serde")]
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
