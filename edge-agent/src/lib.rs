//! The edge agent as a library: one folder per stage, in the order data flows; the binary only wires them.
pub mod cli;
pub mod config;
pub mod error;
pub mod publish;
pub mod queue;
pub mod rt;
