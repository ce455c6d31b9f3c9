//! What a breaker should do, said as plainly as can be: with all of its history, and nothing that is carried on.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    Consecutive(u32),
    Count { size: usize, ratio: f64 },
    Time { length: Duration, ratio: f64 },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) min_calls: u64,
    pub(super) slow: Option<(Duration, f64)>,
    pub(super) recovery: Duration,
    pub(super) recovery_max: Duration,
    pub(super) probes: u32,
    pub(super) lease: Duration,
}

impl Settings {
    pub(super) fn breaker(&self) -> CircuitBreaker {
        let breaker = match self.mode {
            Mode::Consecutive(failures) => CircuitBreaker::consecutive(failures),
            Mode::Count { size, ratio } => CircuitBreaker::count_window(size, ratio),
            Mode::Time { length, ratio } => CircuitBreaker::time_window(length, ratio),
        };
        let breaker = match self.slow {
            Some((after, ratio)) => breaker.slow_calls(after, ratio),
            None => breaker,
        };
        breaker
            .min_calls(self.min_calls)
            .recovery_timeout(self.recovery)
            .max_recovery_timeout(self.recovery_max)
            .probes(self.probes)
            .lease(self.lease)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    settings: Settings,
    state: State,
    // The calls since it was closed: when they ended, whether they failed, whether they were slow.
    history: Vec<(Duration, bool, bool)>,
    openings: u32,
    era: u32,
}

#[derive(Clone, Debug)]
enum State {
    Closed,
    Open { until: Duration },
    HalfOpen { probes: Vec<Probe> },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Probe {
    Running { since: Duration },
    Ended { failed: bool, slow: bool },
    Cancelled,
}

/// A call, as the model knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    era: u32,
    since: Duration,
    probe: Option<usize>,
}

/// What makes two worlds go on alike: its state, the times that are left, and of each call that is held what it may do.
pub(super) type Key = (CircuitState, Duration, Vec<Duration>, usize, Vec<(bool, Duration)>);

impl Model {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, state: State::Closed, history: Vec::new(), openings: 0, era: 0 }
    }

    pub(super) fn acquire(&mut self, now: Duration) -> Option<Call> {
        if matches!(self.state, State::Open { until } if now >= until) {
            self.turn(State::HalfOpen { probes: Vec::new() });
        }
        let (era, settings) = (self.era, self.settings);
        match &mut self.state {
            State::Closed => Some(Call { era, since: now, probe: None }),
            State::Open { .. } => None,
            State::HalfOpen { probes } => {
                let taken = probes.iter().filter(|probe| match probe {
                    Probe::Running { since } => now < *since + settings.lease,
                    Probe::Ended { .. } => true,
                    Probe::Cancelled => false,
                });
                (taken.count() < settings.probes as usize).then(|| {
                    probes.push(Probe::Running { since: now });
                    Call { era, since: now, probe: Some(probes.len() - 1) }
                })
            }
        }
    }

    pub(super) fn record(&mut self, now: Duration, call: Call, failed: bool) {
        let settings = self.settings;
        let slow = settings.slow.is_some_and(|(after, _)| now - call.since > after);
        if call.era != self.era {
            return;
        }
        match &mut self.state {
            State::Closed => {
                self.history.push((now, failed, slow));
                if self.trips(now) {
                    self.open(now);
                }
            }
            State::Open { .. } => panic!("a call began while it was open"),
            State::HalfOpen { probes } => {
                let place = call.probe.expect("a call of this era is a probe");
                probes[place] = Probe::Ended { failed, slow };
                let ended = probes.iter().filter_map(|probe| match probe {
                    Probe::Ended { failed, slow } => Some((now, *failed, *slow)),
                    _ => None,
                });
                let ended: Vec<_> = ended.collect();
                let all = ended.len() >= settings.probes as usize;
                let bad = match settings.mode {
                    Mode::Consecutive(_) => failed || slow,
                    Mode::Count { ratio, .. } | Mode::Time { ratio, .. } => {
                        all && too_many(&ended, ratio, settings.slow)
                    }
                };
                if bad {
                    self.open(now);
                } else if all {
                    self.history.clear();
                    self.openings = 0;
                    self.turn(State::Closed);
                }
            }
        }
    }

    /// Whether this call is a probe whose place may be another's by now. The breaker frees it when it is next asked.
    pub(super) fn has_expired(&self, now: Duration, call: Call) -> bool {
        call.era == self.era && call.probe.is_some() && now >= call.since + self.settings.lease
    }

    pub(super) fn cancel(&mut self, call: Call) {
        if let (State::HalfOpen { probes }, Some(place)) = (&mut self.state, call.probe)
            && call.era == self.era
        {
            probes[place] = Probe::Cancelled;
        }
    }

    fn trips(&self, now: Duration) -> bool {
        let settings = &self.settings;
        let bad = |(_, failed, slow): &(Duration, bool, bool)| *failed || *slow;
        match settings.mode {
            Mode::Consecutive(limit) => {
                self.history.iter().rev().take_while(|call| bad(call)).count() >= limit as usize
            }
            Mode::Count { size, ratio } => {
                let from = self.history.len().saturating_sub(size);
                let last = &self.history[from..];
                last.len() as u64 >= settings.min_calls.min(size as u64)
                    && too_many(last, ratio, settings.slow)
            }
            Mode::Time { length, ratio } => {
                let tenth = |time: Duration| time.as_nanos() / (length / 10).as_nanos();
                let last: Vec<_> = self
                    .history
                    .iter()
                    .copied()
                    .filter(|(ended, ..)| tenth(*ended) + 10 > tenth(now))
                    .collect();
                last.len() as u64 >= settings.min_calls && too_many(&last, ratio, settings.slow)
            }
        }
    }

    fn open(&mut self, now: Duration) {
        let mut wait = self.settings.recovery;
        for _ in 0..self.openings.min(20) {
            wait = (wait * 2).min(self.settings.recovery_max);
        }
        self.openings += 1;
        self.turn(State::Open { until: now + wait });
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.era += 1;
    }

    pub(super) fn state(&self) -> CircuitState {
        match self.state {
            State::Closed => CircuitState::Closed,
            State::Open { .. } => CircuitState::Open,
            State::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// How many probes hold a place.
    pub(super) fn running(&self, now: Duration) -> usize {
        self.leases(now).iter().filter(|left| !left.is_zero()).count()
    }

    fn leases(&self, now: Duration) -> Vec<Duration> {
        let State::HalfOpen { probes } = &self.state else { return Vec::new() };
        let left = |probe: &Probe| match probe {
            Probe::Running { since } => Some((*since + self.settings.lease).saturating_sub(now)),
            _ => None,
        };
        probes.iter().filter_map(left).collect()
    }

    pub(super) fn key(&self, now: Duration, held: &[Call]) -> Key {
        let (left, ended) = match &self.state {
            State::Closed => (Duration::ZERO, 0),
            State::Open { until } => (until.saturating_sub(now), 0),
            State::HalfOpen { probes } => {
                (Duration::ZERO, probes.iter().filter(|probe| matches!(probe, Probe::Ended { .. })).count())
            }
        };
        let calls = held.iter().map(|call| {
            let left = (call.since + self.settings.lease).saturating_sub(now);
            (call.era == self.era, left)
        });
        (self.state(), left, self.leases(now), ended, calls.collect())
    }
}

fn too_many(calls: &[(Duration, bool, bool)], ratio: f64, slow: Option<(Duration, f64)>) -> bool {
    let all = calls.len() as f64;
    let share = |bad: usize, ratio: f64| !calls.is_empty() && bad as f64 >= ratio * all;
    share(calls.iter().filter(|call| call.1).count(), ratio)
        || slow.is_some_and(|(_, ratio)| share(calls.iter().filter(|call| call.2).count(), ratio))
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Acquire,
    Record(prop::sample::Index, bool),
    Cancel(prop::sample::Index),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Acquire),
        4 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, failed)| Event::Record(which, failed)),
        1 => any::<prop::sample::Index>().prop_map(Event::Cancel),
        3 => (0..40u64).prop_map(Event::Pass),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let ratio = prop::sample::select(vec![0.1, 0.25, 0.5, 0.75, 1.0]);
    let mode = prop_oneof![
        (1..4u32).prop_map(Mode::Consecutive),
        (1..8usize, ratio.clone()).prop_map(|(size, ratio)| Mode::Count { size, ratio }),
        (20..200u64, ratio.clone())
            .prop_map(|(length, ratio)| Mode::Time { length: Duration::from_millis(length), ratio }),
    ];
    let slow = prop::option::of((10..60u64, ratio));
    (mode, 1..6u64, slow, 1..50u64, 0..3u64, 1..4u32, 1..80u64).prop_map(
        |(mode, min_calls, slow, recovery, times, probes, lease)| {
            let ms = Duration::from_millis;
            let slow = slow.map(|(after, ratio)| (ms(after), ratio));
            let (recovery, recovery_max, lease) = (ms(recovery), ms(recovery * (1 + times)), ms(lease));
            Settings { mode, min_calls, slow, recovery, recovery_max, probes, lease }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_breaker_does_as_its_model(settings in settings(), events in prop::collection::vec(event(), 0..60)) {
        let (mut breaker, mut model) = (settings.breaker(), Model::new(settings));
        let mut held = Vec::new();
        let mut now = Duration::ZERO;
        for event in events {
            match event {
                Event::Acquire => {
                    prop_assert_eq!(breaker.would_pass(now), breaker.clone().acquire(now).is_ok());
                    match (breaker.acquire(now), model.acquire(now)) {
                        (Ok(permit), Some(call)) => held.push((permit, call)),
                        (Err(open), None) => prop_assert!(open.until.is_some_and(|until| until > now)),
                        (breaker, model) => prop_assert!(false, "{breaker:?} where the model says {model:?}"),
                    }
                }
                Event::Record(which, failed) if !held.is_empty() => {
                    let (permit, call) = held.swap_remove(which.index(held.len()));
                    let outcome = if failed { Outcome::Failed } else { Outcome::Succeeded };
                    // Whether a probe that came back after its lease counts depends on whether its place was given away.
                    if model.has_expired(now, call) {
                        breaker.release(permit);
                        model.cancel(call);
                    } else {
                        breaker.record(now, permit, outcome);
                        model.record(now, call, failed);
                    }
                }
                Event::Cancel(which) if !held.is_empty() => {
                    let (permit, call) = held.swap_remove(which.index(held.len()));
                    breaker.release(permit);
                    model.cancel(call);
                }
                Event::Pass(time) => now += Duration::from_millis(time),
                Event::Record(..) | Event::Cancel(_) => {}
            }
            prop_assert_eq!(breaker.state(), model.state());
        }
    }
}
