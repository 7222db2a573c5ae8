//! Read-only globals that the loader sets (Linux 5.2). Read with `read_volatile`, because
//! the compiler would otherwise take the zeros written here for the truth.

use core::ptr::read_volatile;

use edge_abi::{OFFSET_SLOTS, Offset, SYSCALL_SLOTS};

/// Class of each syscall number, see `edge_abi::SyscallClass`.
#[unsafe(no_mangle)]
static SYSCALLS: [u8; SYSCALL_SLOTS] = [0; SYSCALL_SLOTS];

/// Offsets of the first four syscall arguments in `struct pt_regs`.
#[unsafe(no_mangle)]
static ARG_OFFSETS: [u32; 4] = [0; 4];

/// 1 on a 32-bit kernel: registers are 32 bits wide.
#[unsafe(no_mangle)]
static REGISTERS_32: u32 = 0;

/// Offset in `struct pt_regs` of the word that tells a 32-bit task (arm64 `pstate`), 0 where there is none.
#[unsafe(no_mangle)]
static COMPAT_OFFSET: u32 = 0;

/// Offset of the syscall's number in the `struct pt_regs` of the task, where syscalls are seen at their handlers: arm64
/// `pt_regs.syscallno`. 0 where they are seen at the raw tracepoint, which gives the number.
#[unsafe(no_mangle)]
static SYSCALL_NUMBER: u32 = 0;

/// 1 where security hooks are LSM programs, which can refuse; 0 where they are kprobes.
#[unsafe(no_mangle)]
static DENIES: u32 = 0;

/// Which argument of `inode_setattr` is the dentry, 0 or 1: in some versions one that says how users are mapped stands before it.
#[unsafe(no_mangle)]
static SETATTR_DENTRY: u32 = 0;

/// Depth of the watched cgroup below the root, plus one; 0 watches the whole machine.
#[unsafe(no_mangle)]
static SCOPE_DEPTH: u32 = 0;

/// Id of the watched cgroup.
#[unsafe(no_mangle)]
static SCOPE_ID: u64 = 0;

/// Where `sched_process_exec` has the locator of its file name.
#[unsafe(no_mangle)]
static EXEC_FILENAME: u32 = 0;

/// Where `sched_process_fork` has the child's pid.
#[unsafe(no_mangle)]
static FORK_CHILD: u32 = 0;

/// Where `signal_generate` has the signal, its code, the pid it goes to and what became of it.
#[unsafe(no_mangle)]
static SIGNAL_FIELDS: [u32; 4] = [0; 4];

/// Where `inet_sock_set_state` has its old state.
#[unsafe(no_mangle)]
static SOCK_STATE: u32 = 0;

/// 1 when a cgroup program judges new sockets of the internet families.
#[unsafe(no_mangle)]
static SOCK_CREATE: u32 = 0;

/// Where members of kernel structs lie, see [`Offset`]: bytes plus one, 0 where that is not known.
#[unsafe(no_mangle)]
static OFFSETS: [u32; OFFSET_SLOTS] = [0; OFFSET_SLOTS];

/// Reads one global past the optimiser.
macro_rules! global {
    ($(#[$doc:meta])* $name:ident: $type:ty = $static:expr) => {
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name() -> $type {
            // SAFETY: the reference is to an initialised static that only the loader writes, before any program runs.
            unsafe { read_volatile(&raw const $static) }
        }
    };
}

global!(
    /// Whether registers are 32 bits wide.
    registers_32: u32 = REGISTERS_32
);
global!(
    /// Offset of the word that tells a 32-bit task.
    compat_offset: u32 = COMPAT_OFFSET
);
global!(
    /// Offset of the syscall's number, or 0.
    syscall_number: u32 = SYSCALL_NUMBER
);
global!(
    /// Whether security hooks can refuse.
    denies: u32 = DENIES
);
global!(
    /// Which argument of `inode_setattr` is the dentry.
    setattr_dentry: u32 = SETATTR_DENTRY
);
global!(
    /// Depth of the watched cgroup plus one.
    scope_depth: u32 = SCOPE_DEPTH
);
global!(
    /// Id of the watched cgroup.
    scope_id: u64 = SCOPE_ID
);
global!(
    /// Offset of the file name's locator.
    exec_filename: u32 = EXEC_FILENAME
);
global!(
    /// Offset of the child's pid.
    fork_child: u32 = FORK_CHILD
);
global!(
    /// Offset of the signal.
    signal_number: u32 = SIGNAL_FIELDS[0]
);
global!(
    /// Offset of the signal's code.
    signal_code: u32 = SIGNAL_FIELDS[1]
);
global!(
    /// Offset of the pid that the signal goes to.
    signal_pid: u32 = SIGNAL_FIELDS[2]
);
global!(
    /// Offset of what became of the signal.
    signal_result: u32 = SIGNAL_FIELDS[3]
);
global!(
    /// Offset of the old state.
    sock_state: u32 = SOCK_STATE
);
global!(
    /// Whether a cgroup program judges new sockets of the internet families.
    sock_create: u32 = SOCK_CREATE
);
global!(
    /// Offset of the first argument.
    first_argument: u32 = ARG_OFFSETS[0]
);
global!(
    /// Offset of the second argument.
    second_argument: u32 = ARG_OFFSETS[1]
);
global!(
    /// Offset of the third argument.
    third_argument: u32 = ARG_OFFSETS[2]
);
global!(
    /// Offset of the fourth argument.
    fourth_argument: u32 = ARG_OFFSETS[3]
);

/// Class of the syscall in `slot`; 0 outside the table.
#[inline(always)]
pub(crate) fn syscall_class(slot: usize) -> u8 {
    if slot >= SYSCALL_SLOTS {
        return 0;
    }
    let table = (&raw const SYSCALLS).cast::<u8>();
    // SAFETY: `slot` was just checked to lie within the table.
    let entry = unsafe { table.add(slot) };
    // SAFETY: the pointer is to an initialised byte that only the loader writes, before any program runs.
    unsafe { read_volatile(entry) }
}

/// What [`offset`] gives for a member whose place is not known. Added to the address of any kernel object, or to null, it makes one
/// that no page table reaches (bit 55 chooses between those of arm64, also where the byte above is ignored), so that reading there
/// fails instead of giving something else's bytes.
const NOWHERE: u64 = (1_u64 << 55).wrapping_neg();

/// Where a member lies, in bytes from the beginning of its struct.
#[inline(always)]
pub(crate) fn offset(member: Offset) -> u64 {
    match stated(member) {
        0 => NOWHERE,
        behind => u64::from(behind) - 1,
    }
}

/// Whether it is known where a member lies.
#[inline(always)]
pub(crate) fn has(member: Offset) -> bool {
    stated(member) != 0
}

/// The member's slot.
#[inline(always)]
fn stated(member: Offset) -> u32 {
    let table = (&raw const OFFSETS).cast::<u32>();
    // SAFETY: every member has a slot within the table, which is asserted beside the list of members.
    let entry = unsafe { table.add(member.slot()) };
    // SAFETY: the pointer is to an initialised word that only the loader writes, before any program runs.
    unsafe { read_volatile(entry) }
}
