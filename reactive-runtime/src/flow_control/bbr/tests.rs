//! The cases of appendix A of the draft, as far as a stage has what they are about: it has no acknowledgements that are
//! lost or spurious (A.11, A.12, A.16, A.17).

use std::collections::VecDeque;
use std::num::NonZero;
use std::time::Duration;

use super::*;
use crate::flow_control::{Ledger, Ticket};

/// A sender, a queue without a bound, one server, and the way to it.
struct Path {
    bbr: Bbr,
    ledger: Ledger,
    now: f64,
    /// Items a second.
    capacity: f64,
    /// Seconds there and back.
    latency: f64,
    /// Items a second that the source has; infinite if it has always more.
    demand: f64,
    /// Of so many items one is dropped.
    drop_one_of: Option<u64>,
    measured: bool,
    server_free: f64,
    next_send: f64,
    sent: u64,
    flight: VecDeque<InFlight>,
    states: Vec<(f64, BbrState)>,
    most_in_flight: usize,
}

struct InFlight {
    back_at: f64,
    ticket: Ticket,
    wait: f64,
    dropped: bool,
}

impl Path {
    /// 500 items a second, 10 ms away, of which only latency can be seen.
    fn new() -> Self {
        let config = FlowControlConfig { max_rate: 100_000.0, ..FlowControlConfig::default() };
        let bbr = Bbr::with_config(&config);
        Self {
            states: vec![(0.0, bbr.state)],
            bbr,
            ledger: Ledger::default(),
            now: 0.0,
            capacity: 500.0,
            latency: 0.01,
            demand: f64::INFINITY,
            drop_one_of: None,
            measured: false,
            server_free: 0.0,
            next_send: 0.0,
            sent: 0,
            flight: VecDeque::new(),
            most_in_flight: 0,
        }
    }

    /// In ProbeBw.
    fn settled() -> Self {
        Self::new().settle(1.0)
    }

    /// The same, 100 ms away.
    fn settled_far_away() -> Self {
        Self { latency: 0.1, ..Self::new() }.settle(3.0)
    }

    fn settle(mut self, seconds: f64) -> Self {
        self.run_for(seconds);
        assert!(self.bbr.state.is_probe_bw());
        self
    }

    fn step(&mut self) {
        let cap = self.bbr.decision().max_in_flight.map_or(usize::MAX, NonZero::get);
        let may_send = self.ledger.in_flight() < cap;
        let send = if may_send { self.next_send.max(self.now) } else { f64::INFINITY };
        let back = self.flight.front().map_or(f64::INFINITY, |item| item.back_at);
        if send < back {
            self.now = send;
            self.send();
        } else {
            self.now = back;
            self.complete();
        }
    }

    fn send(&mut self) {
        self.sent += 1;
        let rate = self.bbr.rate.min(self.demand);
        self.next_send = self.now + 1.0 / rate;
        if self.demand < self.bbr.rate {
            self.ledger.source_is_empty();
        }
        let ticket = self.ledger.admit(time(self.now));
        self.most_in_flight = self.most_in_flight.max(self.ledger.in_flight());
        let at = self.now + self.latency / 2.0;
        let dropped = self.drop_one_of.is_some_and(|n| self.sent.is_multiple_of(n));
        let begin = self.server_free.max(at);
        if !dropped {
            self.server_free = begin + 1.0 / self.capacity;
        }
        let back_at = self.server_free.max(at) + self.latency / 2.0;
        self.flight.push_back(InFlight { back_at, ticket, wait: begin - at, dropped });
    }

    fn complete(&mut self) {
        let item = self.flight.pop_front().expect("an item is in flight");
        let completion = if item.dropped {
            self.ledger.drop_item(item.ticket, time(self.now))
        } else {
            let wait = self.measured.then(|| time(item.wait));
            self.ledger.complete(item.ticket, time(self.now), wait)
        };
        self.bbr.on_complete(&completion);
        if self.states.last().is_none_or(|(_, state)| *state != self.bbr.state) {
            self.states.push((self.now, self.bbr.state));
        }
    }

    fn run_for(&mut self, seconds: f64) {
        let end = self.now + seconds;
        while self.now < end {
            self.step();
        }
    }

    /// Runs on until it is in `state`; for at most ten seconds.
    #[track_caller]
    fn run_until(&mut self, state: BbrState) {
        let end = self.now + 10.0;
        while self.bbr.state != state {
            assert!(self.now < end, "no {state:?} in {:?}", self.states);
            self.step();
        }
    }

    #[track_caller]
    fn run_while(&mut self, state: BbrState) {
        let end = self.now + 10.0;
        while self.bbr.state == state {
            assert!(self.now < end, "still {state:?}");
            self.step();
        }
    }

    #[track_caller]
    fn assert_bandwidth(&self, within: f64) {
        let found = self.bbr.max_bandwidth();
        assert!((found / self.capacity - 1.0).abs() < within, "{found} of {}", self.capacity);
    }
}

fn time(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn a1_leaves_startup_when_the_rate_has_stopped_to_grow() {
    let mut path = Path::new();
    path.run_until(BbrState::Drain);
    assert!(path.bbr.full_pipe.was_reached);
    path.assert_bandwidth(0.02);
    // 100 to 500 is three doublings, and three rounds more to be sure.
    assert!((5..=9).contains(&path.bbr.round.count), "{} rounds", path.bbr.round.count);
}

#[test]
fn a2_leaves_startup_by_losses_while_the_source_has_little() {
    let mut path = Path { demand: 300.0, latency: 0.2, drop_one_of: Some(4), ..Path::new() };
    path.run_until(BbrState::Drain);
    assert!(path.bbr.full_pipe.was_reached);
    assert!(path.bbr.model.inflight_longterm.is_finite());
}

#[test]
fn a3_leaves_drain_when_the_queue_is_empty() {
    let mut path = Path::new();
    path.run_until(BbrState::Drain);
    assert_eq!(path.bbr.pacing_gain, 0.5);
    path.run_while(BbrState::Drain);
    assert!(path.ledger.in_flight() as f64 <= path.bbr.inflight(1.0));
}

#[test]
fn a4_leaves_drain_after_three_rounds() {
    let mut path = Path { latency: 0.1, ..Path::new() };
    path.bbr = path.bbr.target_delay(time(1.0));
    path.run_until(BbrState::Drain);
    // Fewer come out than go in, even now.
    path.capacity *= 0.45;
    let round = path.bbr.round.count;
    path.run_while(BbrState::Drain);
    assert_eq!(path.bbr.round.count, round + 4);
    assert!(path.ledger.in_flight() as f64 > path.bbr.inflight(1.0));
}

#[test]
fn a5_ends_a_probe_when_the_rate_does_not_grow() {
    let mut path = Path::settled();
    path.run_until(BbrState::ProbeBwUp);
    let round = path.bbr.round.count;
    path.run_until(BbrState::ProbeBwDown);
    assert!(path.bbr.full_pipe.is_now);
    assert!(path.bbr.round.count - round >= 3);
}

#[test]
fn a6_a19_ends_a_probe_by_losses() {
    for demand in [f64::INFINITY, 450.0] {
        let mut path = Path::settled_far_away();
        path.run_until(BbrState::ProbeBwUp);
        path.demand = demand;
        path.drop_one_of = Some(10);
        let began = path.bbr.round.count;
        path.run_until(BbrState::ProbeBwDown);
        assert!(path.bbr.round.count - began <= 3, "too late to be the plateau");
        assert!(!path.bbr.cycle.is_sampling);
        assert_eq!(path.bbr.model.inflight_longterm.is_finite(), demand.is_infinite());
    }
}

#[test]
fn a7_cruises_when_the_queue_of_the_probe_is_empty() {
    let mut path = Path::settled();
    path.run_until(BbrState::ProbeBwUp);
    path.run_until(BbrState::ProbeBwDown);
    assert_eq!(path.bbr.pacing_gain, 0.9);
    path.run_until(BbrState::ProbeBwCruise);
    assert!(path.ledger.in_flight() as f64 <= path.bbr.inflight(1.0));
}

#[test]
fn a8_probes_again_in_time_even_if_the_queue_never_empties() {
    // 200 items are served at once, so that it waits by the clock and not by rounds.
    let mut path = Path { latency: 0.4, measured: true, ..Path::new() };
    path.bbr = path.bbr.target_delay(time(1.0));
    path.run_until(BbrState::ProbeBwUp);
    path.run_until(BbrState::ProbeBwDown);
    let down_at = path.now;
    path.capacity *= 0.88;
    path.run_until(BbrState::ProbeBwRefill);
    assert!(!path.states.iter().any(|(at, state)| *at > down_at && *state == BbrState::ProbeBwCruise));
    assert!((2.0..=3.5).contains(&(path.now - down_at)), "{} s", path.now - down_at);
}

#[test]
fn a9_looks_for_the_latency_every_five_seconds() {
    let mut path = Path::settled();
    path.run_until(BbrState::ProbeRtt);
    let (began, round) = (path.now, path.bbr.round.count);
    assert!((5.0..6.5).contains(&began), "{began} s");
    assert_eq!(path.bbr.cap_gain, 0.5);
    path.run_until(BbrState::ProbeBwCruise);
    assert!(path.now - began >= 0.2);
    assert!(path.bbr.round.count > round);
}

#[test]
fn a10_a_silence_is_as_good_as_looking_for_the_latency() {
    let mut path = Path::settled();
    while path.ledger.in_flight() > 0 {
        path.now = path.flight[0].back_at;
        path.complete();
    }
    path.ledger.source_is_empty();
    path.now += 6.0;
    path.run_for(1.0);
    assert!(!path.states.iter().any(|(_, state)| *state == BbrState::ProbeRtt), "{:?}", path.states);
}

#[test]
fn never_looks_for_the_latency_where_it_is_measured() {
    let mut path = Path { measured: true, ..Path::new() };
    path.run_for(60.0);
    assert!(!path.states.iter().any(|(_, state)| *state == BbrState::ProbeRtt));
    path.assert_bandwidth(0.02);
}

#[test]
fn a13_keeps_four_items_in_flight_where_not_one_is_served_at_once() {
    let mut path = Path { capacity: 20.0, latency: 0.001, ..Path::new() };
    path.run_for(20.0);
    path.assert_bandwidth(0.02);
    assert!(path.bbr.cap >= 4.0);
    let done = path.ledger.in_flight() as u64;
    assert!(path.sent - done >= 390, "{} of 400", path.sent - done);
}

#[test]
fn a14_finds_ten_times_the_capacity() {
    let mut path = Path::settled_far_away();
    path.run_until(BbrState::ProbeBwCruise);
    path.capacity *= 10.0;
    path.run_until(BbrState::ProbeBwUp);
    let (began, before) = (path.now, path.bbr.round.count);
    while path.bbr.max_bandwidth() < 0.9 * path.capacity {
        path.step();
        assert!(path.now < began + 10.0, "{} after {} s", path.bbr.max_bandwidth(), path.now - began);
    }
    // A fourth more each round: log(10) / log(1.24) = 10.7 rounds.
    let rounds = path.bbr.round.count - before;
    assert!(rounds <= 24, "{rounds}");
}

#[test]
fn a15_forgets_a_capacity_that_is_gone() {
    for measured in [false, true] {
        let mut path = Path { measured, ..Path::settled() };
        path.capacity /= 10.0;
        path.run_for(8.0);
        path.assert_bandwidth(0.02);
    }
}

/// quinn's estimate never came down; another's lived for 66 minutes, as rounds stood still in between.
#[test]
fn forgets_a_capacity_that_went_in_a_silence() {
    let mut path = Path::settled();
    path.demand = 0.5;
    path.run_for(120.0);
    path.capacity /= 10.0;
    path.demand = f64::INFINITY;
    path.run_for(8.0);
    path.assert_bandwidth(0.02);
}

#[test]
fn a18_goes_on_with_startup_after_looking_for_the_latency() {
    // The source has so little that startup never ends.
    let mut path = Path { demand: 50.0, ..Path::new() };
    path.run_for(4.0);
    // All of it is late now, so that the least latency grows old.
    path.latency = 0.1;
    path.run_until(BbrState::ProbeRtt);
    path.run_until(BbrState::Startup);
    assert!(!path.bbr.full_pipe.was_reached);
}

#[test]
fn a20_a_source_with_little_does_not_lower_the_estimate() {
    let mut path = Path::settled();
    path.run_until(BbrState::ProbeBwRefill);
    path.demand = 20.0;
    path.run_for(30.0);
    path.assert_bandwidth(0.02);
}

#[test]
fn in_flight_never_passes_the_cap() {
    let mut path = Path::new();
    path.run_for(30.0);
    // Startup: twice what is served at once, and what grew out of the first ten.
    assert!(path.most_in_flight <= 24, "{}", path.most_in_flight);
}

#[test]
fn other_seeds_probe_at_other_times() {
    let probes = |seed| {
        let mut path = Path { latency: 0.4, ..Path::new() };
        path.bbr = path.bbr.seed(seed);
        path.run_for(30.0);
        path.states
    };
    assert_eq!(probes(1), probes(1));
    assert_ne!(probes(1), probes(2));
}
