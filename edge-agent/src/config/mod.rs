//! The configuration: one TOML file, read once at start and again on SIGHUP, into a [`Config`] of fixed size.

mod default;
mod types;

pub use types::*;
