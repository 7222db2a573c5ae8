//! Paths on the tracepoint rung: read once, compared with what is watched, handed on to what counts files.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{SyscallClass, WatchSlot};
use edge_ebpf::path::{is_synthetic, scan};

use super::syscall::{Jump, argument, class, jump, registers, scratch};
use super::{chmod, directory, drops, watch};
use crate::emit::file_tamper::{self, Of};
use crate::maps::Scratch;
use crate::{globals, read, task};

/// `O_ACCMODE`, `O_CREAT`, `O_EXCL`, `O_TRUNC`, `O_APPEND`: the same on x86, arm and arm64 (`include/uapi/asm-generic/fcntl.h`).
pub(super) mod open_flag {
    pub(crate) const ACCESS: u32 = 0o3;
    pub(crate) const CREATE: u32 = 0o100;
    pub(crate) const EXCLUSIVE: u32 = 0o200;
    pub(crate) const TRUNCATE: u32 = 0o1000;
    pub(crate) const APPEND: u32 = 0o2000;
}

/// `AT_FDCWD`, as the lower half of a register: a relative path starts from the working directory.
pub(crate) const AT_FDCWD: u32 = (-100_i32).cast_unsigned();

/// `AT_REMOVEDIR`: `unlinkat` removes a directory, which holds no data.
const AT_REMOVEDIR: u32 = 0x200;

/// What a syscall does to the path it names.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Operation {
    /// Makes it the working directory.
    Chdir = 1,
    /// Empties it.
    Empty = 2,
    /// Opens it.
    Open = 3,
    /// Renames it to the second path.
    Rename = 4,
    /// Deletes it.
    Unlink = 5,
    /// Gives it a second name.
    Link = 6,
    /// Changes its mode, or makes a node of a mode.
    Chmod = 7,
}

/// A syscall with a path begins.
#[raw_tracepoint]
pub(crate) fn sys_paths(ctx: RawTracePointContext) -> i32 {
    let _ = first(&ctx);
    0
}

/// Its second path.
#[raw_tracepoint]
pub(crate) fn sys_second(ctx: RawTracePointContext) -> i32 {
    let _ = second(&ctx);
    0
}

/// Whether the first argument is the descriptor of a folder.
#[inline(always)]
fn is_at(class: u8) -> bool {
    class == SyscallClass::OpenAt as u8
        || class == SyscallClass::OpenAt2 as u8
        || class == SyscallClass::RenameAt as u8
        || class == SyscallClass::LinkAt as u8
        || class == SyscallClass::UnlinkAt as u8
        || class == SyscallClass::FchmodAt as u8
        || class == SyscallClass::MknodAt as u8
        // Not a folder, but what the agent finds the file by.
        || class == SyscallClass::Fchmod as u8
}

/// The path and what is done to it; one arm per shape of arguments. Numbers for later lie in `scratch`.
#[inline(always)]
fn operation(scratch: &mut Scratch, class: u8, registers: u64) -> Option<(u64, Operation)> {
    let first = argument(registers, globals::first_argument());
    let second = argument(registers, globals::second_argument());
    let third = argument(registers, globals::third_argument());
    scratch.open_flags = 0;
    scratch.mode = 0;
    scratch.folder = if is_at(class) { first as u32 } else { AT_FDCWD };
    Some(if class == SyscallClass::OpenAt as u8 {
        scratch.open_flags = third as u32;
        if third as u32 & open_flag::CREATE != 0 {
            scratch.mode = argument(registers, globals::fourth_argument()) as u32;
        }
        (second, Operation::Open)
    } else if class == SyscallClass::Open as u8 {
        scratch.open_flags = second as u32;
        if second as u32 & open_flag::CREATE != 0 {
            scratch.mode = third as u32;
        }
        (first, Operation::Open)
    } else if class == SyscallClass::OpenAt2 as u8 {
        // `struct open_how` begins with 64 bits of flags and as many of mode, which must be 0 where nothing is created.
        scratch.open_flags = read::user::<u64>(third)? as u32;
        scratch.mode = read::user::<u64>(third + 8)? as u32;
        (second, Operation::Open)
    } else if class == SyscallClass::Creat as u8 {
        scratch.open_flags = 1 | open_flag::CREATE | open_flag::TRUNCATE;
        scratch.mode = second as u32;
        (first, Operation::Open)
    } else if class == SyscallClass::RenameAt as u8 {
        (second, Operation::Rename)
    } else if class == SyscallClass::Rename as u8 {
        (first, Operation::Rename)
    } else if class == SyscallClass::LinkAt as u8 {
        (second, Operation::Link)
    } else if class == SyscallClass::Link as u8 || class == SyscallClass::SymlinkAt as u8 {
        (first, Operation::Link)
    } else if class == SyscallClass::UnlinkAt as u8 {
        if third as u32 & AT_REMOVEDIR != 0 {
            return None;
        }
        (second, Operation::Unlink)
    } else if class == SyscallClass::Unlink as u8 {
        (first, Operation::Unlink)
    } else if class == SyscallClass::Truncate as u8 {
        (first, Operation::Empty)
    } else if class == SyscallClass::FchmodAt as u8 || class == SyscallClass::MknodAt as u8 {
        scratch.mode = third as u32;
        (second, Operation::Chmod)
    } else if class == SyscallClass::Chmod as u8 || class == SyscallClass::Mknod as u8 {
        scratch.mode = second as u32;
        (first, Operation::Chmod)
    } else if class == SyscallClass::Fchmod as u8 {
        scratch.mode = second as u32;
        (0, Operation::Chmod)
    } else {
        (first, Operation::Chdir)
    })
}

/// The first path.
#[inline(always)]
fn first(ctx: &RawTracePointContext) -> Option<()> {
    let scratch = scratch()?;
    let (class, registers) = (class(ctx), registers(ctx));
    if class == SyscallClass::Fchdir as u8 {
        directory::lose(scratch);
        return None;
    }
    let (address, operation) = operation(scratch, class, registers)?;
    let special = chmod::matters(scratch.mode);
    if operation == Operation::Chmod && !special && !drops::is_executable(scratch.mode) {
        return None;
    }
    scratch.operation = operation as u32;
    let length = read::user_path(address, &mut scratch.path);
    scratch.lengths = [length.unwrap_or(0), 0];
    scan(&scratch.path, &mut scratch.facts);
    if operation == Operation::Chdir {
        let facts = scratch.facts;
        directory::change(scratch, length?, facts);
        return None;
    }
    if operation == Operation::Chmod && length.is_some() && drops::is_executable(scratch.mode) {
        drops::note(scratch.facts.name);
    }
    if special {
        chmod::observe(scratch);
    }
    if operation == Operation::Chmod {
        return None;
    }
    let flags = scratch.open_flags;
    let reads = operation == Operation::Open && flags & open_flag::ACCESS == 0;
    if length.is_some() {
        if operation == Operation::Open
            && !reads
            && flags & open_flag::CREATE != 0
            && drops::is_executable(scratch.mode)
        {
            drops::note(scratch.facts.name);
        }
        let slot = if reads || operation == Operation::Link {
            WatchSlot::Read
        } else if operation == Operation::Open && flags & open_flag::TRUNCATE == 0 {
            WatchSlot::Write
        } else {
            WatchSlot::Remove
        };
        watch::observe(scratch, watch::Which::First, slot);
        if operation == Operation::Open && flags & open_flag::TRUNCATE != 0 && !reads {
            jump(ctx, Jump::Second);
        }
    }
    if operation == Operation::Rename || operation == Operation::Link {
        jump(ctx, Jump::Second);
    }
    if operation == Operation::Unlink && drops::is_own(scratch.facts.name) {
        jump(ctx, Jump::Unlink);
    }
    if wants_files(scratch, reads) {
        jump(ctx, Jump::Files);
    }
    Some(())
}

/// Goes on with what `file_tamper` makes of an unlink.
#[inline(always)]
pub(super) fn count_unlink(ctx: &RawTracePointContext, scratch: &Scratch) {
    if wants_files(scratch, false) {
        jump(ctx, Jump::Files);
    }
}

/// Whether `file_tamper` counts this.
#[inline(always)]
fn wants_files(scratch: &Scratch, reads: bool) -> bool {
    if reads {
        // Reading matters only in a process that has already changed something.
        return file_tamper::known(task::current_tgid()).is_some();
    }
    let appends = scratch.operation == Operation::Open as u32 && scratch.open_flags & open_flag::APPEND != 0;
    // Half of all opens for writing are of /dev/null.
    !appends && !is_synthetic(&scratch.path) && file_tamper::tuning(Of::Process).is_some()
}

/// The second path; or, of an open that empties, the first one again, since it is removed and written.
#[inline(always)]
fn second(ctx: &RawTracePointContext) -> Option<()> {
    let scratch = scratch()?;
    let mut which = watch::Which::First;
    let mut readable = true;
    if scratch.operation != Operation::Open as u32 {
        let (class, registers) = (class(ctx), registers(ctx));
        let second = argument(registers, globals::second_argument());
        let third = argument(registers, globals::third_argument());
        let (address, folder) =
            if class == SyscallClass::RenameAt as u8 || class == SyscallClass::LinkAt as u8 {
                (argument(registers, globals::fourth_argument()), third as u32)
            } else if class == SyscallClass::SymlinkAt as u8 {
                (third, second as u32)
            } else {
                (second, AT_FDCWD)
            };
        scratch.folder = folder;
        let length = read::user_path(address, &mut scratch.new_path);
        let [_, slot] = &mut scratch.lengths;
        *slot = length.unwrap_or(0);
        scan(&scratch.new_path, &mut scratch.new_facts);
        which = watch::Which::Second;
        readable = length.is_some();
        if readable
            && scratch.operation == Operation::Rename as u32
            && drops::known(scratch.facts.name).is_some()
        {
            drops::note(scratch.new_facts.name);
        }
    }
    if readable {
        watch::observe(scratch, which, WatchSlot::Write);
    }
    if scratch.operation != Operation::Link as u32 && wants_files(scratch, false) {
        jump(ctx, Jump::Files);
    }
    Some(())
}
