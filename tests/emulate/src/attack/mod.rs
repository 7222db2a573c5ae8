//! The attacks: on files, towards hosts, and floods of events.

mod flood;
mod network;
mod ransom;
mod tiny;
mod wipe;

pub(crate) use flood::flood;
pub(crate) use network::{destinations, guess, own_address, scan, try_connect};
pub(crate) use ransom::{Mode, encrypt, encrypted, ransom};
pub(crate) use wipe::wipe;
