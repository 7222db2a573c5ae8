//! The agent's account of itself: the heartbeat, with the books of both sides.

mod carried;
mod heartbeat;
mod kernel;
mod meter;

pub use carried::Carried;
pub use heartbeat::{Parts, Vitals, heartbeat};
pub use kernel::{Totals, totals};
pub use meter::Meter;
