//! What the tests of the whole system stand on: guests with real kernels, a real broker, a real subscriber.
//!
//! - [`vm`]: boots a kernel of the support matrix in QEMU and runs commands in it.
//! - [`mosquitto`]: a real broker on a free loopback port.
//! - [`subscriber`]: `edge-watch --json`, line by line, with arrival times.
//! - [`programs`]: where the programs under test lie.
//! - [`cache_dir`]: where downloaded kernels and tools live, outside the tree.
//!
//! Nothing here talks to any address but the loopback interface; only [`vm::fetch_kernels`] uses the network, through
//! the machine's own Debian mirror.

mod cache;
pub mod mosquitto;
pub mod programs;
mod scratch;
pub mod subscriber;
mod tool;
pub mod vm;

pub use cache::cache_dir;
pub use scratch::Scratch;
pub use tool::ToolError;
