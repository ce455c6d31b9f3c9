use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};
use tokio::time::Instant;

/// Runs a future under a clock of its own, which jumps to the next timer whenever nothing else is left to do.
///
/// For plain `#[test]` functions: there is no attribute to forget. In it, `tokio::spawn` works too.
///
/// What asks for the clock as soon as it is made, such as `tokio::time::sleep`, is made inside of an `async` block, which
/// begins to run under that clock.
///
/// # Panics
///
/// Inside of a tokio runtime, where no other can be run.
///
/// # Examples
///
/// ```
/// use reactive_runtime::{prelude::*, testing::in_virtual_time};
///
/// let days = in_virtual_time(pipeline! { interval(1d) |> take(365) |> count() });
/// assert_eq!(days, 365);
/// ```
#[track_caller]
pub fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    VirtualTime::begin().run(future)
}

/// A runtime with a clock of its own. Once [entered](Self::enter), what is made finds that clock.
#[doc(hidden)]
#[derive(Debug)]
pub struct VirtualTime(Runtime);

impl VirtualTime {
    #[track_caller]
    pub fn begin() -> Self {
        assert!(
            Handle::try_current().is_err(),
            "inside of a tokio runtime no other can be run: in an async test, which begins \
             `#[tokio::test(start_paused = true)]`, await `testing::emits(..)`, or make the test a plain `#[test]`",
        );
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        Self(runtime.expect("a runtime without I/O needs nothing of the system"))
    }

    pub fn enter(&self) -> EnterGuard<'_> {
        self.0.enter()
    }

    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

/// Whoever compares times in a test that runs in real time would fail now and then.
#[track_caller]
pub(super) fn assert_paused() {
    assert!(
        is_paused(),
        "the clock is not paused: in an async test write `#[tokio::test(start_paused = true)]`; a plain `#[test]` \
         brings a paused clock with `testing::in_virtual_time(..)` or `assert_emits!(..)`",
    );
}

/// Tokio does not tell; but a paused clock stands still while that of the system moves on.
#[expect(clippy::disallowed_methods, reason = "it compares the clock of tokio with that of the system")]
fn is_paused() -> bool {
    let before = Instant::now();
    let system = std::time::Instant::now();
    while std::time::Instant::now() == system {
        std::hint::spin_loop();
    }
    Instant::now() == before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_paused_clock() {
        assert!(!is_paused());
        assert!(in_virtual_time(async { is_paused() }));
        let real = Builder::new_current_thread().enable_time().build().unwrap();
        assert!(!real.block_on(async { is_paused() }));
    }

    #[test]
    #[should_panic(expected = "make the test a plain `#[test]`")]
    fn says_what_to_write_inside_of_a_runtime() {
        in_virtual_time(async { in_virtual_time(async {}) });
    }
}
