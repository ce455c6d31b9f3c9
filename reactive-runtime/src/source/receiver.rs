//! tokio's receivers.

mod broadcast;
mod mpsc;
mod watch;

use tokio_util::sync::ReusableBoxFuture;

pub use self::broadcast::BroadcastFlow;
pub use self::mpsc::{Receive, ReceiverFlow};
pub use self::watch::WatchFlow;

// The future that waits owns the receiver, and gives it back: a `recv` that borrows it could not be kept beside it.
// Its box is made once and reused.
type Waiting<T, R> = ReusableBoxFuture<'static, (T, R)>;

fn start<T, F>(waiting: &mut Option<ReusableBoxFuture<'static, T>>, future: F)
where
    F: Future<Output = T> + Send + 'static,
{
    match waiting {
        Some(waiting) => waiting.set(future),
        None => *waiting = Some(ReusableBoxFuture::new(future)),
    }
}
