//! File operations and changes of directory on the tracepoint rung.
//!
//! Hook: raw tracepoint `sys_enter(struct pt_regs *regs, long id)`, `include/trace/events/syscalls.h`; one program for all
//! syscalls, because a single one per syscall costs more in sum, and because arm64 does not fire `syscalls:*` for 32-bit
//! tasks while this fires with their own numbers.
//! Loses against upper rungs: arguments can change after the look, attempts that fail count, `io_uring` does not pass here.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{COMPAT_BASE, SyscallClass};
use edge_ebpf::detectors::file_tamper::FileEvidence;
use edge_ebpf::path::{is_synthetic, rename_shape, scan};

use super::{directory, write};
use crate::emit::file_tamper;
use crate::maps::{SCRATCH, Scratch};
use crate::{filter, globals, read, task};

/// `PSR_MODE32_BIT` of `arch/arm64/include/uapi/asm/ptrace.h`.
const PSR_MODE32: u64 = 1 << 4;

/// `O_ACCMODE`, `O_CREAT`, `O_EXCL`, `O_TRUNC`, `O_APPEND`: the same on x86, arm and arm64 (`include/uapi/asm-generic/fcntl.h`).
mod open_flag {
    pub(super) const ACCESS: u32 = 0o3;
    pub(super) const CREATE: u32 = 0o100;
    pub(super) const EXCLUSIVE: u32 = 0o200;
    pub(super) const TRUNCATE: u32 = 0o1000;
    pub(super) const APPEND: u32 = 0o2000;
}

/// `AT_REMOVEDIR`: `unlinkat` removes a directory, which holds no data.
const AT_REMOVEDIR: u32 = 0x200;

/// A syscall begins.
#[raw_tracepoint]
pub(crate) fn sys_enter(ctx: RawTracePointContext) -> i32 {
    let id = ctx.arg::<u64>(1) as usize;
    if id < COMPAT_BASE {
        // Two table look-ups decide for the many syscalls that mean nothing in either numbering.
        let (native, compat) = (globals::syscall_class(id), globals::syscall_class(id + COMPAT_BASE));
        if native | compat != 0 {
            let registers = ctx.arg::<u64>(0);
            let class = if is_compat(registers) { compat } else { native };
            if class != SyscallClass::None as u8 && filter::in_scope() {
                let _ = dispatch(class, registers);
            }
        }
    }
    0
}

/// Whether the task is a 32-bit one on a 64-bit kernel.
#[inline(always)]
fn is_compat(registers: u64) -> bool {
    let offset = globals::compat_offset();
    offset != 0
        && read::kernel::<u64>(registers + u64::from(offset)).is_some_and(|word| word & PSR_MODE32 != 0)
}

/// One argument register.
#[inline(always)]
pub(super) fn argument(registers: u64, offset: u32) -> u64 {
    let address = registers + u64::from(offset);
    if globals::registers_32() != 0 {
        read::kernel::<u32>(address).map_or(0, u64::from)
    } else {
        read::kernel::<u64>(address).unwrap_or(0)
    }
}

/// What a watched syscall does to the path it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    /// Makes it the working directory.
    Chdir,
    /// Empties it.
    Empty,
    /// Opens it with these flags.
    Open(u32),
    /// Renames it to the path at this address.
    Rename(u64),
    /// Deletes it.
    Unlink,
}

/// Turns one syscall into evidence.
#[inline(always)]
fn dispatch(class: u8, registers: u64) -> Option<()> {
    let scratch = SCRATCH.get_ptr_mut(0)?;
    // SAFETY: this CPU's own value; `sys_enter` runs with preemption off and does not nest.
    let scratch = unsafe { &mut *scratch };
    if class == SyscallClass::Write as u8 || class == SyscallClass::Writev as u8 {
        return write::observe(scratch, class, registers);
    }
    if class == SyscallClass::Fchdir as u8 {
        directory::lose(scratch);
        return None;
    }
    let (path, operation) = operation(class, registers)?;
    on_path(scratch, path, operation)
}

/// The path and what is done to it; one arm per shape of arguments.
#[inline(always)]
fn operation(class: u8, registers: u64) -> Option<(u64, Operation)> {
    let first = argument(registers, globals::first_argument());
    let second = argument(registers, globals::second_argument());
    let third = argument(registers, globals::third_argument());
    Some(if class == SyscallClass::OpenAt as u8 {
        (second, Operation::Open(third as u32))
    } else if class == SyscallClass::Open as u8 {
        (first, Operation::Open(second as u32))
    } else if class == SyscallClass::OpenAt2 as u8 {
        // `struct open_how` begins with 64 bits of flags.
        (second, Operation::Open(read::user::<u64>(third)? as u32))
    } else if class == SyscallClass::Creat as u8 {
        (first, Operation::Open(1 | open_flag::CREATE | open_flag::TRUNCATE))
    } else if class == SyscallClass::RenameAt as u8 {
        (second, Operation::Rename(argument(registers, globals::fourth_argument())))
    } else if class == SyscallClass::Rename as u8 {
        (first, Operation::Rename(second))
    } else if class == SyscallClass::UnlinkAt as u8 {
        if third as u32 & AT_REMOVEDIR != 0 {
            return None;
        }
        (second, Operation::Unlink)
    } else if class == SyscallClass::Unlink as u8 {
        (first, Operation::Unlink)
    } else if class == SyscallClass::Truncate as u8 {
        (first, Operation::Empty)
    } else {
        (first, Operation::Chdir)
    })
}

/// Evidence about a path. Written as one sequence, so that the programs hold each loop over a path once.
#[inline(always)]
fn on_path(scratch: &mut Scratch, address: u64, operation: Operation) -> Option<()> {
    let tgid = task::current_tgid();
    let tuning = file_tamper::tuning();
    let state = match operation {
        Operation::Chdir => None,
        // Reading matters only in a process that has already changed something.
        Operation::Open(flags) if flags & open_flag::ACCESS == 0 => Some(file_tamper::known(tgid)?),
        Operation::Open(flags) if flags & open_flag::APPEND != 0 => return None,
        _ => {
            tuning?;
            // Looked at before a state is made: half of all opens for writing are of /dev/null.
            let mut head = [0_u8; 8];
            if read::user_bytes(address, &mut head) && is_device(head) {
                return None;
            }
            Some(file_tamper::known_or_new(tgid)?)
        }
    };
    let length = read::user_path(address, &mut scratch.path);
    scan(&scratch.path, &mut scratch.facts);
    let facts = scratch.facts;
    let Some(state) = state else {
        directory::change(scratch, length?, facts);
        return None;
    };
    if is_synthetic(&scratch.path) {
        return None;
    }
    let file = if length.is_some() { facts.identity } else { 0 };
    let evidence = match operation {
        Operation::Chdir => return None,
        Operation::Empty => FileEvidence::Empty(file),
        Operation::Unlink => FileEvidence::Unlink(file),
        Operation::Rename(new) => {
            let new_length = read::user_path(new, &mut scratch.new_path);
            scan(&scratch.new_path, &mut scratch.new_facts);
            let to = scratch.new_facts;
            FileEvidence::Rename {
                old: file,
                new: if new_length.is_some() { to.identity } else { 0 },
                shape: rename_shape(
                    &scratch.path,
                    facts.base,
                    &scratch.new_path,
                    to.base,
                    &mut scratch.cursors,
                ),
            }
        }
        Operation::Open(flags) if flags & open_flag::ACCESS == 0 => FileEvidence::OpenRead(file),
        Operation::Open(flags) => FileEvidence::OpenWrite {
            file,
            create: flags & open_flag::CREATE != 0,
            exclusive: flags & open_flag::EXCLUSIVE != 0,
            truncate: flags & open_flag::TRUNCATE != 0,
        },
    };
    file_tamper::apply(state, tuning?, tgid, evidence, &scratch.path, length.unwrap_or(0));
    Some(())
}

/// Whether a path begins with `/dev/` but not with `/dev/shm`.
#[inline(always)]
fn is_device(head: [u8; 8]) -> bool {
    matches!(head, [b'/', b'd', b'e', b'v', b'/', ..]) && !matches!(head, [_, _, _, _, _, b's', b'h', b'm'])
}
