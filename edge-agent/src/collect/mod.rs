//! Records from the kernel: bytes in, checked [`Event`]s out. Nothing in a record is believed before it is looked at.

mod event;

pub use event::{Event, EventError, Facts, decode};
