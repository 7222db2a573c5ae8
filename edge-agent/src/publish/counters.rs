//! What the link has done, for the heartbeat.

use super::PublishError;

/// Counts since the agent started.
///
/// Verdicts balance with the queue's books: `popped - requeued = acknowledged + in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Verdicts handed to the wire for the first time.
    pub published: u32,
    /// Verdicts the broker acknowledged.
    pub acknowledged: u32,
    /// Verdicts sent, or waiting to be sent again, and not acknowledged.
    pub in_flight: u32,
    /// Packets sent again after a lost connection.
    pub resent: u32,
    /// Acknowledgements of nothing we had sent; ignored.
    pub strays: u32,
    /// Connections accepted by a broker.
    pub connects: u32,
    /// Accepted connections that were lost.
    pub reconnects: u32,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Whether a broker has accepted us and the connection still stands.
    pub connected: bool,
    /// What last went wrong.
    pub last_error: Option<PublishError>,
}
