//! Tracepoint layouts, read from the kernel: field offsets move between versions (`sched_process_fork` in 6.16).

use std::fs;
use std::path::{Path, PathBuf};

/// Where tracefs is usually mounted, in the order it is looked for.
const MOUNTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Why a layout is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TracefsError {
    /// tracefs is mounted, but the tracepoint has no such field.
    Field,
    /// tracefs is not mounted.
    Missing,
    /// tracefs is mounted, but there is no such tracepoint.
    Tracepoint,
}

impl core::fmt::Display for TracefsError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str(match self {
            Self::Field => "the tracepoint has no such field",
            Self::Missing => "tracefs is not mounted",
            Self::Tracepoint => "no such tracepoint",
        })
    }
}

/// Finds tracefs: a folder that has `events`.
pub(super) fn find() -> Result<PathBuf, TracefsError> {
    MOUNTS.iter().map(PathBuf::from).find(|mount| mount.join("events").is_dir()).ok_or(TracefsError::Missing)
}

/// Offset of `field` in the record of `category:name`.
pub(super) fn offset(mount: &Path, category: &str, name: &str, field: &str) -> Result<u32, TracefsError> {
    let path = mount.join("events").join(category).join(name).join("format");
    let format = fs::read_to_string(path).map_err(|_| TracefsError::Tracepoint)?;
    parse_offset(&format, field).ok_or(TracefsError::Field)
}

/// The number by which `category:name` is known among perf events.
pub(super) fn id(category: &str, name: &str) -> Result<u64, TracefsError> {
    let path = find()?.join("events").join(category).join(name).join("id");
    let id = fs::read_to_string(path).map_err(|_| TracefsError::Tracepoint)?;
    id.trim().parse().map_err(|_| TracefsError::Field)
}

/// Finds `field` in a tracepoint's format file: lines such as `field:pid_t pid; offset:12; size:4; signed:1;`.
#[must_use]
pub(super) fn parse_offset(format: &str, field: &str) -> Option<u32> {
    format.lines().find_map(|line| {
        let mut parts = line.trim().strip_prefix("field:")?.split(';');
        let declaration = parts.next()?.trim();
        let name = declaration.rsplit([' ', '*']).next()?.split('[').next()?;
        if name != field {
            return None;
        }
        parts.find_map(|part| part.trim().strip_prefix("offset:")?.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sched_process_fork` of Linux 5.10.
    const OLD: &str = "name: sched_process_fork\nID: 310\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\tfield:char parent_comm[16];\toffset:8;\tsize:16;\tsigned:1;\n\
        \tfield:pid_t parent_pid;\toffset:24;\tsize:4;\tsigned:1;\n\tfield:char child_comm[16];\toffset:28;\tsize:16;\tsigned:1;\n\
        \tfield:pid_t child_pid;\toffset:44;\tsize:4;\tsigned:1;\n";
    /// `sched_process_exec`.
    const EXEC: &str = "\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:1;\n\tfield:pid_t pid;\toffset:12;\n";

    #[test]
    fn finds_fields_by_name() {
        assert_eq!(parse_offset(OLD, "child_pid"), Some(44));
        assert_eq!(parse_offset(OLD, "parent_comm"), Some(8));
        assert_eq!(parse_offset(EXEC, "filename"), Some(8));
        assert_eq!(parse_offset(EXEC, "pid"), Some(12));
        assert_eq!(parse_offset(OLD, "pid"), None, "only whole names");
    }

    #[test]
    fn broken_formats_have_no_fields() {
        for broken in
            ["", "field:", "field:pid_t pid", "field:pid_t pid;\toffset:x;", "\u{fffd}field:;offset:1;"]
        {
            assert_eq!(parse_offset(broken, "pid"), None, "{broken:?}");
        }
    }
}
