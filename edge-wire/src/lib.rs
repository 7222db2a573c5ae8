//! What an edge agent says over MQTT, as types and as bytes.
//!
//! Every payload is an envelope of two bytes (schema version, message kind) followed by a [postcard] body. `SCHEMA.md`
//! beside this crate describes the bytes for readers in any language; `tests/golden/` holds payloads with known meaning.
//!
//! # Growth
//! Within one schema version fields are only ever appended to the end of a message, and a reader ignores bytes after the
//! fields it knows. The evidence stands last in a verdict, so a reader that does not know a detector still reads who did
//! what and how bad it is. Anything else needs a new schema version, which stands outside the postcard body.
//!
//! # Limits
//! No message exceeds [`MAX_PAYLOAD`] bytes; the worst case of each is summed at compile time (see [`max`]).
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format.html
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod bytes;
mod codec;
mod envelope;
mod evidence;
mod heartbeat;
mod ids;
pub mod max;
mod status;
mod technique;
mod topic;
mod verdict;

pub use bytes::Bytes;
pub use codec::{Message, decode, encode_heartbeat, encode_status, encode_verdict};
pub use envelope::{Kind, SCHEMA_VERSION, WireError};
pub use evidence::{Act, Evidence, FileTamper, LateralScan, VolatileExec};
pub use heartbeat::{AgentBooks, DetectorHealth, Heartbeat, KernelBooks, MAX_DETECTORS};
pub use ids::{Action, DetectorId, Disposition, Reason, Rung, Severity, State};
pub use max::MAX_PAYLOAD;
pub use status::Status;
pub use technique::Technique;
pub use topic::{Channel, MAX_DEVICE, MAX_PREFIX, MAX_TOPIC, TopicError, Topics, check_device};
pub use verdict::{Ancestor, Head, MAX_LINEAGE, Subject, Verdict};

/// An encoded message, ready to be the payload of one MQTT publication.
pub type Payload = heapless::Vec<u8, MAX_PAYLOAD>;

/// The example of the README is compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
