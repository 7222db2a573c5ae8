//! The kernel side's logic without its kernel: windows, samples, paths and the judgement of every detector.
//!
//! Plain functions over plain state; time and evidence are arguments. The programs in `main.rs` feed them from whatever
//! hook the rung offers, so a detector does not know which one it is. Written for the verifier of Linux 5.10: loops have
//! constant bounds, indices are masked, nothing recurses, nothing divides by a variable (the 32-bit ARM JIT refuses
//! 64-bit division and would drop the whole program to the interpreter).
#![no_std]
#![expect(
    clippy::inline_always,
    reason = "the 32-bit ARM JIT has no calls between BPF functions: one would drop the whole program to the interpreter"
)]

#[cfg(test)]
extern crate std;

pub mod count;
pub mod detectors;
pub mod image;
pub mod listed;
pub mod name;
pub mod netlink;
pub mod path;
pub mod sample;
pub mod shape;
pub mod window;
