//! What the kernel's security hooks show: LSM programs, or kprobes at the functions that call the hooks.

mod acts;
mod attribute;
mod exec;
pub(super) mod image;
mod people;
pub(super) mod stdio;
mod user;
