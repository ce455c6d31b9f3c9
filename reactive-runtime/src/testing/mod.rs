//! Tests in virtual time: marble diagrams, scripted sources, probes.
//!
//! In `Cargo.toml`, so that only tests pay for it:
//!
//! ```toml
//! [dev-dependencies]
//! reactive-runtime = { version = "0.1", features = ["testing"] }
//! ```
//!
//! A [marble diagram](crate::marbles) says what happens when, one character a millisecond. As a source it gives that, and
//! [`assert_emits!`](crate::assert_emits) compares it with what a pipeline gives; an hour takes no time. A plain `#[test]`
//! is enough, as it brings its own clock:
//!
//! ```
//! use reactive_runtime::{assert_emits, marbles, prelude::*};
//!
//! // Typing pauses for 4 ms after `c`, and ends with `d`.
//! let search = pipeline! { marbles!("-abc-----d|") |> debounce(4ms) };
//! assert_emits!(search, "-------c--(d|)");
//! ```
//!
//! When it gives something else, both are shown, one below the other:
//!
//! ```text
//! the pipeline gives something else than expected; first: expected `c` at 6ms, got `c` at 7ms
//!   expected: ------c---(d|)
//!   actual:   -------c--(d|)
//! ```
//!
//! Letters stand for any values, and `#` for an error; times and items may be a list, a [`Timeline`]; [`record()`] gives what
//! a pipeline gives as one:
//!
//! ```
//! use reactive_runtime::{assert_emits, marbles, prelude::*, testing::Timeline, units::s};
//!
//! let source = marbles!("a-b-#", a = 1, b = 2, # = "torn");
//! assert_emits!(pipeline! { source |> map(|x| x * 10) }, "a-b-#", a = 10, b = 20, # = "torn");
//!
//! let slow = Timeline::of([(s(0), "get"), (s(90), "body")]).ends_at(s(91));
//! assert_emits!(pipeline! { slow |> timeout(1min) }, Timeline::of([(s(0), "get")]).fails_at(s(60), Elapsed));
//! ```
//!
//! A [`Probe`] asks by hand: for an item, for several, for the end, for nothing yet; a [`Watch`] tells what that takes of the
//! source:
//!
//! ```
//! use reactive_runtime::{marbles, prelude::*, testing::{Probe, in_virtual_time}, units::ms};
//!
//! in_virtual_time(async {
//!     let (source, watch) = marbles!("(ab)--(c|)").watched();
//!     let mut probe = Probe::new(pipeline! { source |> skip(1) });
//!     probe.expect_item('b');
//!     probe.expect_pending();
//!     probe.advance(ms(3)).await;
//!     assert_eq!((probe.is_woken(), watch.pulled()), (true, 2));
//!     probe.expect_item('c');
//!     probe.expect_end();
//! });
//! ```
//!
//! In an async test, which begins `#[tokio::test(start_paused = true)]`, await [`emits()`] in place of `assert_emits!`; if the
//! clock is not paused, all of these say so.

mod clock;
mod diagram;
mod emits;
mod marbles;
mod probe;
mod record;
mod script;
mod timeline;
mod wakes;
mod watch;

#[doc(hidden)]
pub use clock::VirtualTime as __VirtualTime;
pub use clock::in_virtual_time;
pub use emits::emits;
#[doc(hidden)]
pub use emits::{__assert_emits, Expects};
pub use probe::Probe;
pub use record::record;
pub use script::TimelineFlow;
pub use timeline::{End, Timeline};
pub use wakes::WakeCounter;
pub use watch::Watch;

pub use crate::{assert_emits, marbles};
