//! tracefs on this machine: distributions with systemd mount it, a bare machine does not.

use std::io;
use std::path::Path;
use std::process::Command;

/// Where it belongs.
const PLACE: &str = "/sys/kernel/tracing";

/// Mounts tracefs where it is missing, as the agent's own advice says; it stays mounted.
///
/// # Errors
/// Not root, or a kernel without tracefs.
pub fn ensure() -> io::Result<()> {
    if Path::new(PLACE).join("events").is_dir() {
        return Ok(());
    }
    let status = Command::new("mount").args(["-t", "tracefs", "none", PLACE]).status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("`mount -t tracefs none {PLACE}` ended with {status}")))
}
