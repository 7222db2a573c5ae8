//! The MQTT link: a pure session driven by bytes and time, and the loop that gives it a socket.
//!
//! ```text
//! pipeline -> Port (queue, latest status and health) -> drive -> Session (MqttState, packets) -> stream -> broker
//! ```
//!
//! - [`Port`] is what the rest of the agent holds: `admit`, `post`, `stop`, `books`, `counters`.
//! - [`Session`] is MQTT 3.1.1 without a socket, on rumqttc's `MqttState` and packet codec.
//! - `tls` (feature of that name) puts encryption between: the driver takes any stream.
//! - [`run`] connects, drives, and reconnects until it is told to stop.
//!
//! A verdict leaves at `QoS` 1 and stays in the in-flight window until the broker acknowledges it; a lost connection
//! sends the window again, so delivery is at least once. (device, boot id, sequence) lets subscribers drop duplicates.
//!
//! Memory, measured on `x86_64` with a window of 16: 24 KB of heap for the session (rumqttc's tables, allocated once),
//! 28 KB connected and idle, 36 KB at the peak of 10,000 verdicts and a stop. A verdict in flight holds its payload and two
//! copies of its topic until it is acknowledged. The write buffer stays below 8 KB and the read buffer below the
//! largest packet accepted plus one chunk, whatever the broker does. A [`Port`] with 512 blocks is 51,000 bytes.

mod backoff;
mod counters;
mod drive;
mod error;
#[cfg(feature = "spool")]
mod kept;
mod link;
mod options;
mod port;
mod session;
#[cfg(feature = "tls")]
pub mod tls;
mod tls_fault;

pub use backoff::Backoff;
pub use counters::Counters;
pub use drive::Driver;
pub use error::{Fault, PublishError, Refusal};
pub use link::run;
pub use options::{Broker, Login, Message, Options, TOPIC_BYTES, WINDOW_MAX};
pub use port::{Channel, Port};
pub use session::{Heard, Session};
pub use tls_fault::TlsFault;
