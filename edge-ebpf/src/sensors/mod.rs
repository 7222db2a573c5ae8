//! Sensors: one file per hook family. They turn what a hook offers into evidence and know nothing of thresholds.

mod directory;
mod process;
mod socket;
mod syscall;
mod write;
