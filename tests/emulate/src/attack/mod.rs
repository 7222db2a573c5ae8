//! The attacks: on files, towards hosts, and floods of events.

mod flood;
mod network;
mod ransom;
mod tiny;
mod wipe;

pub(crate) use flood::flood;
pub(crate) use network::{guess, scan, try_connect};
pub(crate) use ransom::ransom;
pub(crate) use tiny::program as tiny_program;
pub(crate) use wipe::wipe;
