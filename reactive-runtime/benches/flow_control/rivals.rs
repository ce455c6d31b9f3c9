//! Other crates' controllers, made to look like ours.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::Duration;

use congestion_limiter::limiter::{DefaultLimiter, Limiter, Outcome as LimiterOutcome, Token};
use congestion_limiter::limits::{self, LimitAlgorithm};
use num_rational::Ratio;
use reactive_runtime::flow_control::{Completion, Decision, Outcome, Signals, Ticket};
use s2n_quic_core::event::builder::{BbrState, SlowStartExitCause};
use s2n_quic_core::packet::number::PacketNumberSpace;
use s2n_quic_core::random::Generator;
use s2n_quic_core::recovery::bandwidth::{Bandwidth, RateSample};
use s2n_quic_core::recovery::bbr::BbrCongestionController;
use s2n_quic_core::recovery::congestion_controller::{CongestionController, Publisher};
use s2n_quic_core::recovery::{CubicCongestionController, RttEstimator};
use s2n_quic_core::time::{Clock, NoopClock, Timestamp};
use tokio::runtime::{Builder, Runtime};
use tower_resilience_adaptive::{Aimd, ConcurrencyAlgorithm, Gradient2, Vegas};

use crate::simulator::stage::Controller;
use crate::table::Row;

/// They decide how many may be in flight, not how fast they come.
const UNPACED: f64 = 1e6;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("s2n-quic bbr2", |_, seed| {
            Quic::new(BbrCongestionController::new(SEGMENT, Default::default()), seed)
        }),
        Row::new("s2n-quic cubic", |_, seed| {
            Quic::new(CubicCongestionController::new(SEGMENT, Default::default()), seed)
        }),
        Row::new("congestion-limiter vegas", |_, _| Limited::new(limits::Vegas::new_with_initial_limit(20))),
        // Its `Gradient` of 0.1.0 panics when a latency falls far: "overflow when subtracting durations".
        Row::new("congestion-limiter aimd", |_, _| Limited::new(limits::Aimd::new_with_initial_limit(20))),
        Row::new("tower-resilience vegas", |_, _| {
            Tower(Vegas::builder().max_limit(1000).build().expect("valid"))
        }),
        Row::new("tower-resilience gradient2", |_, _| {
            Tower(Gradient2::builder().max_limit(1000).build().expect("valid"))
        }),
        Row::new("tower-resilience aimd", |_, _| {
            // The latency that is too much: 50 ms of waiting, which it is told on top of what the scenario takes.
            let builder = Aimd::builder().max_limit(1000).latency_threshold(Duration::from_millis(62));
            Tower(builder.build().expect("valid"))
        }),
    ]
}

fn capped(limit: usize) -> Decision {
    Decision { rate: UNPACED, max_in_flight: NonZero::new(limit.max(1)) }
}

/// `tower-resilience-adaptive`: told each latency.
struct Tower<A>(A);

impl<A: ConcurrencyAlgorithm> Controller for Tower<A> {
    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        match completion.outcome {
            Outcome::Completed => {
                self.0.record_success_with_load(completion.sojourn(), completion.in_flight + 1);
            }
            Outcome::Dropped => self.0.record_dropped(),
        }
        Some(capped(self.0.limit()))
    }

    fn on_interval(&mut self, _: &Signals) -> Decision {
        capped(self.0.limit())
    }
}

/// `congestion-limiter`: it reads tokio's clock, so that is paused, and moved as ours does.
struct Limited<A> {
    limiter: DefaultLimiter<A>,
    tokens: BTreeMap<Duration, Token>,
    runtime: Runtime,
    now: Duration,
}

impl<A: LimitAlgorithm + Sync + std::fmt::Debug> Limited<A> {
    fn new(algorithm: A) -> Self {
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        Self {
            limiter: DefaultLimiter::new(algorithm),
            tokens: BTreeMap::new(),
            runtime,
            now: Duration::ZERO,
        }
    }

    fn advance_to(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.now);
        self.now = now;
        self.runtime.block_on(tokio::time::advance(passed));
    }
}

impl<A: LimitAlgorithm + Sync + std::fmt::Debug> Controller for Limited<A> {
    fn on_admit(&mut self, ticket: &Ticket) {
        self.advance_to(ticket.admitted_at);
        if let Some(token) = self.runtime.block_on(self.limiter.try_acquire()) {
            self.tokens.insert(ticket.admitted_at, token);
        }
    }

    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        self.advance_to(completion.now);
        let token = self.tokens.remove(&completion.ticket.admitted_at)?;
        let outcome = match completion.outcome {
            Outcome::Completed => LimiterOutcome::Success,
            Outcome::Dropped => LimiterOutcome::Overload,
        };
        Some(capped(self.runtime.block_on(self.limiter.release(token, Some(outcome)))))
    }

    fn on_interval(&mut self, _: &Signals) -> Decision {
        capped(self.limiter.state().limit())
    }
}

/// The bytes of an item.
const SEGMENT: u16 = 1200;

/// `s2n-quic-core`: an item is a packet.
struct Quic<C: CongestionController> {
    controller: C,
    round_trip: RttEstimator,
    packets: BTreeMap<Duration, C::PacketInfo>,
    random: Random,
    pacing: Pacing,
}

impl<C: CongestionController> Quic<C> {
    fn new(controller: C, seed: u64) -> Self {
        Self {
            controller,
            round_trip: RttEstimator::new(Duration::from_millis(12)),
            packets: BTreeMap::new(),
            random: Random(seed),
            pacing: Pacing { rate: UNPACED },
        }
    }

    fn decision(&self) -> Decision {
        let cap = (self.controller.congestion_window() / u32::from(SEGMENT)) as usize;
        Decision { rate: self.pacing.rate.max(1.0), max_in_flight: NonZero::new(cap.max(1)) }
    }
}

impl<C: CongestionController> Controller for Quic<C> {
    fn on_admit(&mut self, ticket: &Ticket) {
        let (now, size) = (at(ticket.admitted_at), usize::from(SEGMENT));
        let limited = Some(ticket.app_limited);
        let packet = self.controller.on_packet_sent(now, size, limited, &self.round_trip, &mut self.pacing);
        self.packets.insert(ticket.admitted_at, packet);
    }

    fn on_complete(&mut self, completion: &Completion) -> Option<Decision> {
        let sent_at = completion.ticket.admitted_at;
        let packet = self.packets.remove(&sent_at)?;
        let (sent, now) = (at(sent_at), at(completion.now));
        let (controller, random, pacing) = (&mut self.controller, &mut self.random, &mut self.pacing);
        match completion.outcome {
            Outcome::Completed => {
                let space = PacketNumberSpace::ApplicationData;
                self.round_trip.update_rtt(Duration::ZERO, completion.sojourn(), now, true, space);
                controller.on_rtt_update(sent, now, &self.round_trip, pacing);
                controller.on_ack(sent, usize::from(SEGMENT), packet, &self.round_trip, random, now, pacing);
            }
            Outcome::Dropped => {
                controller.on_packet_lost(u32::from(SEGMENT), packet, false, true, random, now, pacing);
            }
        }
        Some(self.decision())
    }

    fn on_interval(&mut self, _: &Signals) -> Decision {
        self.decision()
    }
}

fn at(now: Duration) -> Timestamp {
    NoopClock.get_time() + Duration::from_secs(1) + now
}

/// Listens for the pacing rate.
struct Pacing {
    rate: f64,
}

impl Publisher for Pacing {
    fn on_slow_start_exited(&mut self, _: SlowStartExitCause, _: u32) {}
    fn on_delivery_rate_sampled(&mut self, _: RateSample) {}

    fn on_pacing_rate_updated(&mut self, rate: Bandwidth, _: u32, _: Ratio<u64>) {
        self.rate = rate.as_bytes_per_second() as f64 / f64::from(SEGMENT);
    }

    fn on_bbr_state_changed(&mut self, _: BbrState) {}
}

struct Random(u64);

impl Generator for Random {
    fn public_random_fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 33) as u8;
        }
    }

    fn private_random_fill(&mut self, bytes: &mut [u8]) {
        self.public_random_fill(bytes);
    }
}
