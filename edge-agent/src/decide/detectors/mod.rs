//! One file per detector, each with the same parts in the same order: what it is, evidence, `judge`, tests.

pub mod file_tamper;
pub mod lateral_scan;
pub mod volatile_exec;
