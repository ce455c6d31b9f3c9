//! What an error says about a stage.

/// What the error of a call says about the service that is called, for flow control.
///
/// | class | the service | flow control |
/// |---|---|---|
/// | `Overload` | refused the work, as it had too much (HTTP 429 or 503, a full pool) | takes less |
/// | `Timeout` | did not answer in time | takes less |
/// | `BadRequest` | did its work, and the item was at fault (HTTP 400, a row that is not valid) | learns nothing |
///
/// What was refused or too late keeps its place until the control interval is over, so a service that refuses at once is not
/// asked again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The work was refused, as there was too much of it.
    Overload,
    /// There was no answer in time. An attempt that times out by `attempt_timeout` always counts as this.
    Timeout,
    /// The item was at fault. Neither how soon the answer came nor how many such there are says what the service can do.
    BadRequest,
}
