//! What the tests of the whole system stand on: guests with real kernels, a real broker, a real subscriber.
//!
//! - [`vm`]: boots a kernel of the support matrix in QEMU and runs commands in it.
//! - [`mosquitto`]: a real broker on a free loopback port.
//! - [`subscriber`]: `edge-watch --json`, line by line, with arrival times.
//! - [`said`]: what those lines mean; [`books`]: what their counts must add up to.
//! - [`atomics`]: tests of Atomic Red Team, and what comes of them.
//! - [`host_agent`]: the agent on this machine, observing a [`cgroup`] of its own.
//! - [`images`]: the packages that root file systems are made of.
//! - [`tracefs`]: mounted where a bare machine has it not.
//! - [`trials`]: runs a target's tests and prints what they measured.
//! - [`programs`]: where the programs under test lie.
//! - [`cache_dir`]: where downloaded kernels and tools live, outside the tree.
//!
//! Nothing here talks to any address but the loopback interface; only [`vm::fetch_kernels`] and [`vm::fetch_package`] use the
//! network, through the machine's own Debian mirror.

pub mod atomics;
pub mod books;
mod cache;
pub mod cgroup;
pub mod host_agent;
pub mod images;
pub mod memory;
pub mod mosquitto;
pub mod openssl;
pub mod programs;
pub mod said;
#[cfg(test)]
mod schema;
mod scratch;
pub mod subscriber;
mod tool;
pub mod tracefs;
pub mod trials;
pub mod vm;

pub use cache::cache_dir;
pub use scratch::Scratch;
pub use tool::ToolError;
