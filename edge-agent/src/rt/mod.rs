//! A single-threaded reactor: descriptors, timers and signals on one epoll instance, no helper thread.
//!
//! It is built from smol's own parts (`polling`, `async-executor`, `futures-lite`) but not from `async-io`, which starts
//! a hidden thread at first use. One thread matters twice here: capabilities are per thread, so a helper started too
//! early would keep them, and every thread costs a stack on a gateway that counts its kilobytes.
//!
//! - An idle process has **no wake-ups**: epoll waits without a timeout unless a timer exists; [`wakeups`] counts.
//! - **Bounded**: at most [`SOURCES`] descriptors and [`TIMERS`] timers; one more is an error, never an allocation.
//! - **One second thread, sometimes**: resolving a host name ([`resolve`]) runs on a short-lived thread, because the C
//!   library offers nothing else; it is gone when the answer is here.
//!
//! One thread owns one [`Runtime`]; everything else finds it through a thread-local, so futures take no handle.

mod error;
mod io;
mod notify;
mod reactor;
mod resolve;
mod runtime;
mod signal;
mod tcp;
mod timer;

pub use error::RtError;
pub use io::Io;
pub use notify::Notify;
pub use reactor::{SOURCES, TIMERS, wakeups};
pub use resolve::{Addresses, resolve};
pub use runtime::{Runtime, block_on};
pub use signal::{Signal, Signals};
pub use tcp::connect;
pub use timer::{Sleep, sleep, sleep_until, timeout};
