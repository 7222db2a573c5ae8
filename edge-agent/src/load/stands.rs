//! Where each detector can stand, highest first.

use edge_abi::SyscallClass;
use edge_wire::{DetectorId, Rung};

use super::classes::{
    BUSES, CODE, DATA, DESCRIPTORS, DIRECTORIES, DUPLICATES, LINKS, MEMORY, MODES, NAMES, NAMESPACES, OPENS,
    REMOVES, RENAMES, REQUESTS, SENDS, SETUP, SOCKETS, SPACES, UNMAPS, WRITES,
};
use super::program::Program;

/// One way for a detector to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    /// What it is called towards subscribers. On the LSM rung the security hooks among `programs` are LSM programs, on the kprobe
    /// rung kprobes; [`Hook::Entry`] is a kprobe there and a raw tracepoint on the tracepoint rung.
    pub rung: Rung,
    /// The programs; it sees nothing without the first one. Fork, exit and exec follow processes: who it was, what it descends
    /// from, whether it is allowed.
    pub programs: &'static [Program],
    /// The syscalls whose beginning its programs want to see, in groups.
    pub syscalls: &'static [&'static [SyscallClass]],
}

/// Programs that follow processes, with others in front.
macro_rules! following {
    ($($program:ident),*) => {
        &[$(Program::$program,)* Program::Fork, Program::Exit, Program::Exec]
    };
}

/// One stand.
macro_rules! stand {
    ($rung:ident, [$($program:ident),*], [$($syscalls:expr),*]) => {
        Stand { rung: Rung::$rung, programs: following!($($program),*), syscalls: &[$($syscalls),*] }
    };
}

/// The stands of what judges syscalls as they begin: at their handlers, or at the raw tracepoint.
macro_rules! entry {
    ([$($program:ident),*], [$($syscalls:expr),*]) => {
        &[
            stand!(KPROBE, [SysEnter $(, $program)*], [$($syscalls),*]),
            stand!(TRACEPOINT, [SysEnter $(, $program)*], [$($syscalls),*]),
        ]
    };
}

/// What watches files knows them by what they are; where it cannot, it reads paths wherever a file is named, and follows working directories. First the programs that can refuse on the
/// LSM rung alone, then the programs and syscalls that it needs on any rung, then those that only paths need.
macro_rules! watching {
    (LSM [$($object:ident),*], [$($program:ident),*], [$($syscalls:expr),*]) => {
        &[
            stand!(
                LSM,
                [FileOpen, InodeRename, InodeArrive, InodeUnlink, InodeSetattr, InodeLink, InodeSymlink, InodeCreate
                    $(, $object)* $(, $program)*],
                [$($syscalls),*]
            ),
            stand!(
                KPROBE,
                [FileOpen, InodeRename, InodeArrive, InodeUnlink, InodeSetattr, InodeLink, InodeSymlink $(, $program)*],
                [$($syscalls),*]
            ),
            stand!(
                KPROBE,
                [SysEnter, SysPaths, SysSecond $(, $program)*],
                [OPENS, RENAMES, LINKS, REMOVES, DIRECTORIES $(, $syscalls)*]
            ),
            stand!(
                TRACEPOINT,
                [SysEnter, SysPaths, SysSecond $(, $program)*],
                [OPENS, RENAMES, LINKS, REMOVES, DIRECTORIES $(, $syscalls)*]
            ),
        ]
    };
}

/// A stand of `volatile_exec` at security hooks: where programs lie, and what becomes of their files.
macro_rules! volatile {
    ($rung:ident) => {
        stand!($rung, [ObjectPlace, ExecPlace, FileOpen, InodeSetattr, InodeGone], [])
    };
}

/// What names settings. A cgroup program knows each by its name and sees what is written to it; what is no setting is a file, or a path.
const SETTINGS: [Stand; 6] = {
    let [lsm, kprobe, entry, tracepoint] = *watching!(LSM [], [], []);
    [
        stand!(
            CGROUP,
            [Sysctl, FileOpen, InodeRename, InodeArrive, InodeUnlink, InodeSetattr, InodeLink, InodeSymlink],
            []
        ),
        lsm,
        stand!(
            CGROUP,
            [Sysctl, SysEnter, SysPaths, SysSecond],
            [OPENS, RENAMES, LINKS, REMOVES, DIRECTORIES]
        ),
        kprobe,
        entry,
        tracepoint,
    ]
};

/// What numbers devices. Where security hooks are no LSM programs, a cgroup program can refuse.
const DEVICES: [Stand; 6] = {
    let [lsm, kprobe, entry, tracepoint] = *watching!(LSM [], [SysEnter, SysActs], [REQUESTS]);
    [
        lsm,
        stand!(
            CGROUP,
            [
                Device,
                FileOpen,
                InodeRename,
                InodeArrive,
                InodeUnlink,
                InodeSetattr,
                InodeLink,
                InodeSymlink,
                SysEnter,
                SysActs
            ],
            [REQUESTS]
        ),
        stand!(
            CGROUP,
            [Device, SysEnter, SysPaths, SysSecond, SysActs],
            [OPENS, RENAMES, LINKS, REMOVES, DIRECTORIES, REQUESTS]
        ),
        kprobe,
        entry,
        tracepoint,
    ]
};

/// What writes to buses: on the LSM rung seen at the file, which no other write pays for.
const BUS: [Stand; 4] = {
    let [_, kprobe, entry, tracepoint] = *watching!(LSM [], [SysEnter, SysNet, SysWrite], [BUSES]);
    let [lsm, ..] = *watching!(LSM[FilePermission], [SysEnter, SysNet], [SENDS]);
    [lsm, kprobe, entry, tracepoint]
};

/// What changes namespaces, mounts and roots.
const SPACE: [Stand; 4] = {
    let [_, kprobe, entry, tracepoint] = *watching!(LSM [], [SysEnter, SysActs], [NAMESPACES]);
    let [lsm, ..] =
        *watching!(LSM[ObjectMount, ObjectMove, ObjectPivot, ObjectClone], [SysEnter, SysActs], [SPACES]);
    [lsm, kprobe, entry, tracepoint]
};

/// The stands of a detector, highest first.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table, one row after the other")]
pub(super) const fn stands(detector: DetectorId) -> &'static [Stand] {
    match detector {
        DetectorId::FILE_TAMPER => &[
            stand!(
                LSM,
                [
                    InodeRename,
                    InodeUnlink,
                    InodeSetattr,
                    FileOpen,
                    FilePermission,
                    MmapFile,
                    SysEnter,
                    SysWrite
                ],
                [UNMAPS]
            ),
            stand!(
                KPROBE,
                [InodeRename, InodeUnlink, InodeSetattr, FileOpen, MmapFile, SysEnter, SysWrite],
                [WRITES]
            ),
            stand!(
                KPROBE,
                [SysEnter, SysPaths, SysSecond, SysFiles, SysOrigin, SysWrite],
                [OPENS, RENAMES, REMOVES, DATA]
            ),
            stand!(
                TRACEPOINT,
                [SysEnter, SysPaths, SysSecond, SysFiles, SysOrigin, SysWrite],
                [OPENS, RENAMES, REMOVES, DATA]
            ),
        ],
        DetectorId::LATERAL_SCAN => &[stand!(CGROUP, [Connect4, Connect6, Sendmsg4, Sendmsg6], [])],
        DetectorId::VOLATILE_EXEC => &[
            volatile!(LSM),
            volatile!(KPROBE),
            Stand {
                rung: Rung::TRACEPOINT,
                programs: &[
                    Program::Exec,
                    Program::ExecPlace,
                    Program::Fork,
                    Program::Exit,
                    Program::SysEnter,
                    Program::SysPaths,
                    Program::SysSecond,
                    Program::SysUnlink,
                ],
                syscalls: &[OPENS, RENAMES, REMOVES, MODES, DIRECTORIES],
            },
        ],
        DetectorId::CREDENTIAL_ACCESS | DetectorId::PERSISTENCE => watching!(LSM [], [], []),
        DetectorId::SYSCTL_TAMPER => &SETTINGS,
        DetectorId::DEVICE_TAMPER => &DEVICES,
        DetectorId::NAMESPACE_ESCAPE => &SPACE,
        DetectorId::PROCESS_INJECTION => watching!(LSM[ObjectTrace], [SysEnter, SysActs], [MEMORY]),
        DetectorId::PRIVILEGE_JUMP => &[
            stand!(LSM, [ObjectExec, ObjectMode, ObjectMake, ObjectAttribute, ExecActs, ExecReport], []),
            stand!(KPROBE, [ObjectMode, ObjectMake, ObjectAttribute, ExecActs, ExecReport], []),
            stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysPaths, SysSecond], [OPENS, MODES]),
        ],
        DetectorId::FILELESS_EXEC | DetectorId::FOREIGN_EXEC => &[
            stand!(LSM, [ObjectExec, ExecActs, ExecReport], []),
            stand!(KPROBE, [ObjectExec, ExecActs, ExecReport], []),
            stand!(TRACEPOINT, [ExecActs, ExecReport], []),
        ],
        DetectorId::FETCH_LOOP => &[
            stand!(TRACEPOINT, [ExecActs, ExecReport, ObjectFcntl, SysEnter, SysNames], [DUPLICATES]),
            stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysNames], [DESCRIPTORS]),
        ],
        DetectorId::SHELL_ON_SOCKET => &[
            stand!(
                TRACEPOINT,
                [ExecActs, ExecReport, ObjectFcntl, SysEnter, SysNames, SockCreate],
                [DUPLICATES]
            ),
            stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysNames, SockCreate], [DESCRIPTORS]),
        ],
        DetectorId::MASQUERADE => &[stand!(TRACEPOINT, [ExecActs, ExecReport, SysEnter, SysNames], [NAMES])],
        DetectorId::BUS_FLOOD => &BUS,
        DetectorId::IMPAIR_DEFENSES => watching!(LSM[ObjectKill], [Signal], []),
        DetectorId::FLOOD_OUT => &[stand!(CGROUP, [Egress, SockCreate], [])],
        DetectorId::KERNEL_CODE => &[
            stand!(LSM, [ObjectRead, ObjectLoad, ObjectBpf], []),
            stand!(KPROBE, [SysEnter, SysActs], [CODE]),
            stand!(TRACEPOINT, [SysEnter, SysActs], [CODE]),
        ],
        DetectorId::URING_USE => &[
            stand!(LSM, [ObjectRing], []),
            stand!(KPROBE, [SysEnter, SysActs], [SETUP]),
            stand!(TRACEPOINT, [SysEnter, SysActs], [SETUP]),
        ],
        DetectorId::LOGIN_GUESSING => {
            &[Stand { rung: Rung::TRACEPOINT, programs: &[Program::SockState], syscalls: &[] }]
        }
        DetectorId::NEW_EGRESS => {
            &[stand!(CGROUP, [Connect4, Connect6, Sendmsg4, Sendmsg6, Bind4, Bind6, SockState], [])]
        }
        DetectorId::NET_TAMPER => entry!([SysNet], [SOCKETS, REQUESTS]),
        DetectorId::RAW_SOCKET => &[
            stand!(LSM, [ObjectSocket, SysEnter, SysNet, SockCreate], [SOCKETS]),
            stand!(KPROBE, [SysEnter, SysNet, SockCreate], [SOCKETS]),
            stand!(TRACEPOINT, [SysEnter, SysNet, SockCreate], [SOCKETS]),
        ],
        DetectorId::RESOURCE_HIJACK => &[stand!(TRACEPOINT, [CpuClock, ExecPlace], [])],
        DetectorId::MASS_KILL => &[stand!(LSM, [ObjectKill], []), stand!(TRACEPOINT, [Signal], [])],
        _ => &[],
    }
}
