//! What differs between the machines one kernel object serves: syscall numbers and register layouts.
//!
//! Chosen by what the kernel says it is, not by what this program was compiled for: a 32-bit root file system on a 64-bit
//! kernel is common on gateways.

use edge_abi::SyscallClass::{
    Bpf, Chdir, Chmod, Clone as CloneTask, Clone3, Creat, Dup, DupLowest, Fchdir, Fchmod, FchmodAt, Fcntl,
    Ftruncate, Ioctl, Kexec, Link, LinkAt, Mknod, MknodAt, Mmap, Module, Mount, MoveMount, Munmap, Open,
    OpenAt, OpenAt2, PivotRoot, Prctl, Ptrace, RemoteWrite, Rename, RenameAt, SendMsg, SendTo, SetNs,
    SetSockOpt, Socket, SymlinkAt, Truncate, Unlink, UnlinkAt, Unshare, UringSetup, Write, Writev,
};
use edge_abi::{COMPAT_BASE, SYSCALL_SLOTS, SyscallClass};

use super::numbers::{AARCH64, ARM, Handled};

/// Syscall numbers with their meaning.
type Table = &'static [(u16, SyscallClass)];

/// `arch/x86/entry/syscalls/syscall_64.tbl`.
const X86_64: Table = &[
    (1, Write),
    (2, Open),
    (9, Mmap),
    (11, Munmap),
    (16, Ioctl),
    (18, Write),
    (20, Writev),
    (26, Munmap),
    (32, DupLowest),
    (33, Dup),
    (41, Socket),
    (44, SendTo),
    (46, SendMsg),
    (54, SetSockOpt),
    (56, CloneTask),
    (72, Fcntl),
    (76, Truncate),
    (77, Ftruncate),
    (80, Chdir),
    (81, Fchdir),
    (82, Rename),
    (85, Creat),
    (86, Link),
    (87, Unlink),
    (88, Link),
    (90, Chmod),
    (91, Fchmod),
    (101, Ptrace),
    (133, Mknod),
    (155, PivotRoot),
    (157, Prctl),
    (165, Mount),
    (175, Module),
    (246, Kexec),
    (257, OpenAt),
    (259, MknodAt),
    (263, UnlinkAt),
    (264, RenameAt),
    (265, LinkAt),
    (266, SymlinkAt),
    (268, FchmodAt),
    (272, Unshare),
    (292, Dup),
    (296, Writev),
    (308, SetNs),
    (311, RemoteWrite),
    (313, Module),
    (316, RenameAt),
    (320, Kexec),
    (321, Bpf),
    (328, Writev),
    (425, UringSetup),
    (429, MoveMount),
    (435, Clone3),
    (437, OpenAt2),
    (452, FchmodAt),
];

/// A kernel architecture we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 64-bit ARM, which also runs 32-bit ARM tasks.
    Aarch64,
    /// 32-bit ARM, EABI.
    Arm,
    /// For development.
    X86_64,
}

impl Machine {
    /// The machine that `uname -m` calls `name`.
    #[must_use]
    pub fn from_uname(name: &str) -> Option<Self> {
        match name {
            // armv8l is what an arm64 kernel tells a task with the 32-bit personality.
            "aarch64" | "armv8l" | "armv8b" => Some(Self::Aarch64),
            "x86_64" => Some(Self::X86_64),
            arm if arm.starts_with("armv") && !arm.ends_with('b') => Some(Self::Arm),
            _ => None,
        }
    }

    /// Offsets of the first four syscall arguments in `struct pt_regs`.
    #[must_use]
    pub const fn argument_offsets(self) -> [u32; 4] {
        match self {
            // `struct user_pt_regs`: x0 to x3.
            Self::Aarch64 => [0, 8, 16, 24],
            // `uregs`: r0 to r3.
            Self::Arm => [0, 4, 8, 12],
            // di, si, dx, r10.
            Self::X86_64 => [112, 104, 96, 56],
        }
    }

    /// 1 when kernel registers are 32 bits wide.
    #[must_use]
    pub const fn registers_32(self) -> u32 {
        matches!(self, Self::Arm) as u32
    }

    /// Offset of `pstate` in `struct user_pt_regs` after 31 registers, sp and pc; 0 where no 32-bit tasks are told apart.
    #[must_use]
    pub const fn compat_offset(self) -> u32 {
        if matches!(self, Self::Aarch64) { 33 * 8 } else { 0 }
    }

    /// The table of syscall classes: native numbers, then those of 32-bit tasks. Classes that nobody wants stay out.
    #[must_use]
    pub fn syscalls(self, wants: impl Fn(SyscallClass) -> bool) -> [u8; SYSCALL_SLOTS] {
        let mut slots = [0; SYSCALL_SLOTS];
        let mut fill = |base: usize, number: u16, class: SyscallClass| {
            if let Some(slot) = slots.get_mut(base + usize::from(number)).filter(|_| wants(class)) {
                *slot = class as u8;
            }
        };
        let mut fill_all = |base: usize, table: Handled| {
            for &(number, class, _) in table {
                fill(base, number, class);
            }
        };
        match self {
            Self::Aarch64 => {
                fill_all(0, AARCH64);
                fill_all(COMPAT_BASE, ARM);
            }
            Self::Arm => fill_all(0, ARM),
            Self::X86_64 => X86_64.iter().for_each(|&(number, class)| fill(0, number, class)),
        }
        slots
    }

    /// Offset of the syscall's number in the task's `struct pt_regs`, behind `struct user_pt_regs` and `orig_x0`; 0 where handlers are
    /// not probed.
    #[must_use]
    pub const fn number_offset(self) -> u32 {
        // `s32 syscallno`, `arch/arm64/include/asm/ptrace.h`, the same from 4.14 to 7.2, little-endian.
        if matches!(self, Self::Aarch64) { 35 * 8 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_known_by_their_kernel() {
        assert_eq!(Machine::from_uname("aarch64"), Some(Machine::Aarch64));
        assert_eq!(Machine::from_uname("armv7l"), Some(Machine::Arm));
        assert_eq!(Machine::from_uname("armv8l"), Some(Machine::Aarch64));
        assert_eq!(Machine::from_uname("riscv64"), None);
        assert_eq!(Machine::from_uname("armv7b"), None, "big-endian");
    }

    #[test]
    fn tables_fit_and_do_not_repeat() {
        let numbers = |table: Handled| table.iter().map(|row| row.0).collect();
        let tables: [Vec<u16>; 3] =
            [X86_64.iter().map(|row| row.0).collect(), numbers(AARCH64), numbers(ARM)];
        for table in tables {
            assert!(table.is_sorted_by(|left, right| left < right), "ascending, so no number twice");
            assert!(table.iter().all(|number| usize::from(*number) < COMPAT_BASE));
        }
    }

    #[test]
    fn compat_numbers_exist_on_arm64_only() {
        let slots = Machine::Aarch64.syscalls(|_| true);
        assert_eq!(slots[COMPAT_BASE + 38], Rename as u8);
        assert_eq!(slots[38], RenameAt as u8);
        assert!(Machine::X86_64.syscalls(|_| true)[COMPAT_BASE..].iter().all(|class| *class == 0));
    }

    /// The numbers of the machine the tests run on, from the C library.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn numbers_are_those_of_the_c_library() {
        let slots = Machine::X86_64.syscalls(|_| true);
        let known: &[(libc::c_long, SyscallClass)] = &[
            (libc::SYS_rename, Rename),
            (libc::SYS_renameat, RenameAt),
            (libc::SYS_renameat2, RenameAt),
            (libc::SYS_unlink, Unlink),
            (libc::SYS_unlinkat, UnlinkAt),
            (libc::SYS_open, Open),
            (libc::SYS_openat, OpenAt),
            (libc::SYS_openat2, OpenAt2),
            (libc::SYS_creat, Creat),
            (libc::SYS_truncate, Truncate),
            (libc::SYS_write, Write),
            (libc::SYS_pwrite64, Write),
            (libc::SYS_writev, Writev),
            (libc::SYS_pwritev, Writev),
            (libc::SYS_pwritev2, Writev),
            (libc::SYS_mmap, Mmap),
            (libc::SYS_munmap, Munmap),
            (libc::SYS_msync, Munmap),
            (libc::SYS_ftruncate, Ftruncate),
            (libc::SYS_chdir, Chdir),
            (libc::SYS_fchdir, Fchdir),
            (libc::SYS_chmod, Chmod),
            (libc::SYS_fchmod, Fchmod),
            (libc::SYS_fchmodat, FchmodAt),
            // fchmodat2, which the C library's table does not have yet.
            (452, FchmodAt),
            (libc::SYS_link, Link),
            (libc::SYS_symlink, Link),
            (libc::SYS_linkat, LinkAt),
            (libc::SYS_symlinkat, SymlinkAt),
            (libc::SYS_mknod, Mknod),
            (libc::SYS_mknodat, MknodAt),
            (libc::SYS_ptrace, Ptrace),
            (libc::SYS_process_vm_writev, RemoteWrite),
            (libc::SYS_init_module, Module),
            (libc::SYS_finit_module, Module),
            (libc::SYS_kexec_load, Kexec),
            (libc::SYS_kexec_file_load, Kexec),
            (libc::SYS_bpf, Bpf),
            (libc::SYS_unshare, Unshare),
            (libc::SYS_setns, SetNs),
            (libc::SYS_mount, Mount),
            (libc::SYS_move_mount, MoveMount),
            (libc::SYS_pivot_root, PivotRoot),
            (libc::SYS_ioctl, Ioctl),
            (libc::SYS_clone, CloneTask),
            (libc::SYS_clone3, Clone3),
            (libc::SYS_io_uring_setup, UringSetup),
            (libc::SYS_socket, Socket),
            (libc::SYS_sendto, SendTo),
            (libc::SYS_sendmsg, SendMsg),
            (libc::SYS_setsockopt, SetSockOpt),
            (libc::SYS_dup, DupLowest),
            (libc::SYS_dup2, Dup),
            (libc::SYS_dup3, Dup),
            (libc::SYS_fcntl, Fcntl),
            (libc::SYS_prctl, Prctl),
        ];
        for (number, class) in known {
            assert_eq!(slots[usize::try_from(*number).unwrap()], *class as u8, "syscall {number}");
        }
        assert_eq!(slots.iter().filter(|class| **class != 0).count(), known.len());
    }
}
