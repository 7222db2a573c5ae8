//! Sensors: one file per hook family. They turn what a hook offers into evidence and know nothing of thresholds.

mod acts;
mod chmod;
mod directory;
mod drops;
mod exec;
mod exec_acts;
mod files;
mod names;
pub(crate) mod paths;
mod process;
mod socket;
pub(crate) mod syscall;
mod watch;
mod write;
