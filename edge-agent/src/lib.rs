//! The edge agent as a library: one folder per stage, in the order data flows; the binary only wires them.

pub mod agent;
pub mod budget;
pub mod check;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod config;
pub mod confine;
pub mod coverage;
pub mod decide;
pub mod enrich;
pub mod error;
pub mod health;
pub mod learn;
pub mod load;
pub mod manifest;
pub mod pages;
pub mod pipeline;
pub mod publish;
pub mod queue;
pub mod rt;
#[cfg(test)]
pub(crate) mod scratch;
pub mod service;
pub mod session;
#[cfg(feature = "spool")]
pub mod spool;
pub mod sweep;
