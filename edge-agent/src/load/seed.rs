//! Tells the kernel side about processes that were there before it: their programs, parents, trust and directories.

use std::fs;

use aya::maps::MapError;
use bytemuck::Zeroable as _;
use edge_abi::{CWD_BYTES, EXE_BYTES, Parent, Task, task_flags};

use super::maps::Maps;
use crate::config::Config;
use crate::enrich::place;
use crate::enrich::proc::{self, Stat};

/// One process found in /proc.
struct Found {
    /// Its id.
    tgid: u32,
    /// Its parent, start time and name.
    stat: Stat,
    /// Runs a trusted program as root.
    trusted: bool,
}

/// Walks /proc once. Processes that vanish meanwhile are left out.
///
/// # Errors
/// What the kernel says to a map update.
pub(super) fn seed(maps: &mut Maps, config: &Config) -> Result<usize, MapError> {
    let mut processes: Vec<Found> = Vec::new();
    for tgid in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(tgid) = tgid.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(stat) = proc::stat(tgid) else { continue };
        let exe = proc::exe(tgid).unwrap_or_default();
        let trusted = proc::uid(tgid) == Some(0)
            && config.policy.trusted.iter().any(|path| path.as_bytes() == exe.as_slice());
        processes.push(Found { tgid, stat, trusted });
    }
    let count = processes.len();
    for found in &processes {
        let parent =
            Parent { start_ns: found.stat.start_ms * 1_000_000, tgid: found.stat.parent, reserved: 0 };
        maps.parents.insert(found.tgid, bytemuck::cast::<_, [u8; size_of::<Parent>()]>(parent), 0)?;
        if let Some(task) = task(found, &processes, config) {
            maps.tasks.insert(found.tgid, bytemuck::cast::<_, [u8; size_of::<Task>()]>(task), 0)?;
        }
    }
    Ok(count)
}

/// What the kernel side would remember of this process had it seen it start. Kernel threads have no executable.
fn task(found: &Found, all: &[Found], config: &Config) -> Option<Task> {
    let exe = proc::exe(found.tgid)?;
    let mut flags = 0;
    if inherits_trust(found, all) {
        flags |= task_flags::TRUSTED;
    }
    let (mut cwd, mut cwd_len) = ([0; CWD_BYTES], 0);
    if let Some(directory) = proc::cwd(found.tgid)
        && place::is_volatile(&directory, &config.detectors.volatile_exec)
    {
        flags |= task_flags::CWD_VOLATILE;
        cwd_len = copy(&directory, &mut cwd);
    }
    let mut path = [0; EXE_BYTES];
    let exe_len = copy(&exe, &mut path);
    Some(Task { flags, exe_len, cwd_len, exe: path, cwd, ..Task::zeroed() })
}

/// Copies what fits; how much that was.
fn copy(from: &[u8], to: &mut [u8]) -> u32 {
    for (slot, byte) in to.iter_mut().zip(from) {
        *slot = *byte;
    }
    from.len().min(to.len()) as u32
}

/// Whether a process or one of its ancestors runs a trusted program.
fn inherits_trust(found: &Found, all: &[Found]) -> bool {
    let mut current = found;
    // Deeper chains than this do not occur; the bound also ends a circle in a /proc that changed while it was read.
    for _ in 0..64 {
        if current.trusted {
            return true;
        }
        match all.iter().find(|other| other.tgid == current.stat.parent) {
            Some(parent) => current = parent,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tgid: u32, parent: u32, trusted: bool) -> Found {
        Found { tgid, stat: Stat { parent, start_ms: 0, comm: edge_wire::Bytes::new() }, trusted }
    }

    #[test]
    fn trust_comes_down_the_line_and_circles_end() {
        let all = [
            found(1, 0, false),
            found(10, 1, true),
            found(11, 10, false),
            found(20, 21, false),
            found(21, 20, false),
        ];
        assert!(inherits_trust(&all[2], &all));
        assert!(!inherits_trust(&all[0], &all));
        assert!(!inherits_trust(&all[3], &all));
    }
}
