//! The same congestion, told to our curve and to the one that s2n-quic has in production.

use num_rational::Ratio;
use s2n_quic_core::event::builder::{BbrState, SlowStartExitCause};
use s2n_quic_core::packet::number::PacketNumberSpace;
use s2n_quic_core::random::Generator;
use s2n_quic_core::recovery::bandwidth::{Bandwidth, RateSample};
use s2n_quic_core::recovery::congestion_controller::{CongestionController, Publisher};
use s2n_quic_core::recovery::{CubicCongestionController, RttEstimator};
use s2n_quic_core::time::{Clock, NoopClock, Timestamp};

use super::*;

/// Bytes.
const SEGMENT: u32 = 1200;
/// Seconds.
const ROUND_TRIP: f64 = 0.1;
/// Segments in the window at the congestion: K is 12 s.
const WINDOW: u32 = 2304;

#[test]
fn is_within_a_twentieth_of_a_percent_of_s2n_quic_for_16_seconds() {
    let mut theirs = Theirs::fallen_from(WINDOW);
    let mut ours = Curve::new(theirs.window_before);
    ours.fall();
    let mut worst = 0.0f64;
    for round in 0..160 {
        theirs.round();
        ours.grow(ROUND_TRIP, ROUND_TRIP);
        let difference = (ours.window / theirs.window() - 1.0).abs();
        // The decrease leaves s2n-quic in recovery for a round, in which its window is as it was.
        if round > 5 {
            assert!(
                difference < 5e-4,
                "after {round} rounds: {}, s2n-quic has {}",
                ours.window,
                theirs.window()
            );
            worst = worst.max(difference);
        }
    }
    assert!(worst > 0.0, "one is computed per acknowledgement, the other per round");
}

/// A sender of s2n-quic in virtual time.
struct Theirs {
    cubic: CubicCongestionController,
    round_trip: RttEstimator,
    now: f64,
    window_before: f64,
}

impl Theirs {
    /// Grown to `window`, and then a loss.
    fn fallen_from(window: u32) -> Self {
        let mut round_trip = RttEstimator::new(Duration::from_secs_f64(ROUND_TRIP));
        let measured = Duration::from_secs_f64(ROUND_TRIP);
        let space = PacketNumberSpace::ApplicationData;
        round_trip.update_rtt(Duration::ZERO, measured, at(0.0), true, space);
        let cubic = CubicCongestionController::new(SEGMENT as u16, Default::default());
        let mut theirs = Self { cubic, round_trip, now: 0.0, window_before: 0.0 };
        while theirs.segments() < window {
            theirs.slow_start_round(window);
        }
        theirs.window_before = theirs.window();
        theirs.lose_one();
        theirs
    }

    fn window(&self) -> f64 {
        f64::from(self.cubic.congestion_window()) / f64::from(SEGMENT)
    }

    fn segments(&self) -> u32 {
        self.cubic.congestion_window() / SEGMENT
    }

    fn slow_start_round(&mut self, window: u32) {
        let (segments, sent) = (self.segments(), self.now);
        self.send(segments);
        self.now += ROUND_TRIP;
        for _ in 0..segments {
            if self.segments() < window {
                self.acknowledge(sent, self.now);
            } else {
                self.cubic.on_packet_discarded(SEGMENT as usize, &mut Silent);
            }
        }
    }

    fn lose_one(&mut self) {
        let segments = self.segments();
        self.send(segments);
        self.now += ROUND_TRIP / 2.0;
        self.cubic.on_packet_lost(SEGMENT, (), false, true, &mut Ones, at(self.now), &mut Silent);
        for _ in 1..segments {
            self.cubic.on_packet_discarded(SEGMENT as usize, &mut Silent);
        }
        // A packet that is sent after the loss ends the recovery.
        self.now += 0.001;
    }

    /// A full window, acknowledged evenly over the next round trip.
    fn round(&mut self) {
        let (segments, sent) = (self.segments(), self.now);
        self.send(segments);
        for i in 0..segments {
            let offset = ROUND_TRIP * f64::from(i) / f64::from(segments);
            self.acknowledge(sent + offset, sent + ROUND_TRIP + offset);
        }
        self.now += ROUND_TRIP;
    }

    fn send(&mut self, segments: u32) {
        for _ in 0..segments {
            let size = SEGMENT as usize;
            self.cubic.on_packet_sent(at(self.now), size, Some(false), &self.round_trip, &mut Silent);
        }
    }

    fn acknowledge(&mut self, sent: f64, now: f64) {
        let (sent, now, size) = (at(sent), at(now), SEGMENT as usize);
        self.cubic.on_ack(sent, size, (), &self.round_trip, &mut Ones, now, &mut Silent);
    }
}

fn at(seconds: f64) -> Timestamp {
    NoopClock.get_time() + Duration::from_secs_f64(1.0 + seconds)
}

struct Silent;

impl Publisher for Silent {
    fn on_slow_start_exited(&mut self, _: SlowStartExitCause, _: u32) {}
    fn on_delivery_rate_sampled(&mut self, _: RateSample) {}
    fn on_pacing_rate_updated(&mut self, _: Bandwidth, _: u32, _: Ratio<u64>) {}
    fn on_bbr_state_changed(&mut self, _: BbrState) {}
}

struct Ones;

impl Generator for Ones {
    fn public_random_fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(1);
    }

    fn private_random_fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}
