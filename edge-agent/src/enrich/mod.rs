//! Facts that the kernel's record does not carry: who the process is and where it comes from.
//!
//! What `/proc` says is better (the executable with links resolved) but may be gone; what the kernel side remembered at fork and
//! exec outlives the process. Both are asked, `/proc` first, and only believed about the process that the record is about.

pub mod history;
mod lineage;
pub mod look;
mod mounts;
pub mod place;
pub mod proc;

pub use lineage::{Identified, Processes, identify, placed};
