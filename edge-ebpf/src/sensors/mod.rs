//! Sensors: one file per hook family. They turn what a hook offers into evidence and know nothing of thresholds.

mod acts;
mod chmod;
mod clock;
mod device;
mod directory;
mod drops;
mod egress;
mod exec;
mod exec_acts;
mod facts;
mod files;
mod listed;
mod names;
pub(crate) mod net;
mod netlink;
mod object;
pub(crate) mod paths;
mod process;
mod signal;
mod sock;
mod socket;
mod state;
pub(crate) mod syscall;
mod sysctl;
mod watch;
mod write;
