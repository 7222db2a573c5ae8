//! Why a detector decided, as the numbers of the `Reason` vocabulary on the wire; a test of the agent holds both together.

/// The detector has one reason only.
pub const SOLE: u8 = 0;
// 1 to 6 belong to `TamperReason` and `ScanReason`.
/// Many tries; also a reason of `lateral_scan`.
pub const GUESSING: u8 = 7;
/// The image is a memfd: it never had a name in a file system.
pub const MEMFD: u8 = 8;
/// The image was deleted before it was executed.
pub const DELETED_FILE: u8 = 9;
/// Executed through a file descriptor, so that no path names it.
pub const DESCRIPTOR: u8 = 10;
/// Written by one process and executed by a relative of it.
pub const DROPPED_AND_RUN: u8 = 11;
/// A process deleted the file it was executed from.
pub const SELF_UNLINK: u8 = 12;
/// An interpreter's standard input or output is a socket.
pub const SOCKET_STDIO: u8 = 13;
/// An interpreter's pipes lead to a process that holds a socket.
pub const RELAY: u8 = 14;
/// A raw IP socket.
pub const RAW: u8 = 15;
/// A packet socket.
pub const PACKET: u8 = 16;
/// A filter program attached to a socket.
pub const SOCKET_FILTER: u8 = 17;
/// A flash device opened for writing, or erased.
pub const FLASH: u8 = 18;
/// A whole disk or partition opened for writing.
pub const DISK: u8 = 19;
/// Physical or kernel memory opened.
pub const MEMORY_DEVICE: u8 = 20;
/// The watchdog opened by a second program.
pub const WATCHDOG: u8 = 21;
/// The watchdog told to stop.
pub const WATCHDOG_DISABLED: u8 = 22;
/// An init script or unit written.
pub const INIT_SCRIPT: u8 = 23;
/// A timer table written.
pub const CRON: u8 = 24;
/// A list of keys that may log in written.
pub const AUTHORIZED_KEYS: u8 = 25;
/// A file that shells or logins run written.
pub const PROFILE: u8 = 26;
/// A file that every program loads written.
pub const PRELOAD: u8 = 27;
/// A rule or script that the system runs on events written.
pub const EVENT_HOOK: u8 = 28;
/// Accounts, passwords or sudo rules written.
pub const ACCOUNT: u8 = 29;
/// Password hashes read.
pub const PASSWORD_FILE: u8 = 30;
/// A private key read.
pub const PRIVATE_KEY: u8 = 31;
/// A token or stored password read.
pub const TOKEN: u8 = 32;
/// The agent's own keys or configuration read.
pub const OWN_SECRET: u8 = 33;
/// A kernel module loaded.
pub const MODULE: u8 = 34;
/// A BPF program loaded by somebody else.
pub const BPF_PROGRAM: u8 = 35;
/// Another kernel loaded.
pub const KEXEC: u8 = 36;
/// Another process attached to, or its memory poked.
pub const PTRACE: u8 = 37;
/// Another process's memory written by `process_vm_writev`.
pub const REMOTE_WRITE: u8 = 38;
/// Another process's `/proc/PID/mem` opened for writing.
pub const PROC_MEM: u8 = 39;
/// User id 0 without a set-uid program or a login.
pub const ROOT_GAINED: u8 = 40;
/// Capabilities the process had not, without a program that grants them; or given to a file, for whoever executes it.
pub const CAPABILITY_GAINED: u8 = 41;
/// A file made set-uid or set-gid.
pub const SETUID_FILE: u8 = 42;
/// Named like a kernel thread.
pub const KERNEL_NAME: u8 = 43;
/// A name made to be misread: trailing space, hidden program.
pub const DECEPTIVE_NAME: u8 = 44;
/// Something mounted over a process's folder in /proc.
pub const HIDDEN_PROC: u8 = 45;
/// Called as a well-known program that it is not.
pub const FOREIGN_NAME: u8 = 46;
/// The agent, a logger or the watchdog daemon sent a signal that stops it.
pub const GUARD_SIGNALLED: u8 = 47;
/// A log emptied, deleted or replaced.
pub const LOG_CLEARED: u8 = 48;
/// The agent's own files changed.
pub const OWN_FILE: u8 = 49;
/// Namespaces left.
pub const UNSHARE: u8 = 50;
/// Another process's namespaces entered.
pub const SETNS: u8 = 51;
/// A file system mounted.
pub const MOUNT: u8 = 52;
/// The root file system changed.
pub const PIVOT_ROOT: u8 = 53;
/// A file written that makes the kernel run a program.
pub const HOST_HOOK: u8 = 54;
/// Again and again in a short time.
pub const REPEATED: u8 = 55;
/// Its output leads into an interpreter.
pub const PIPED: u8 = 56;
/// A destination never used before.
pub const DESTINATION: u8 = 57;
/// A listening port never used before.
pub const LISTENER: u8 = 58;
/// Connections at a steady interval.
pub const BEACON: u8 = 59;
/// Packets per second beyond the ceiling.
pub const PACKETS: u8 = 60;
/// Bytes per second beyond the ceiling.
pub const BYTES: u8 = 61;
/// Firewall rules flushed or tables deleted.
pub const RULES_REMOVED: u8 = 62;
/// Firewall rules replaced.
pub const RULES_REPLACED: u8 = 63;
/// The default route removed.
pub const ROUTE_REMOVED: u8 = 64;
/// The counts of many processes of one origin together.
pub const SPREAD_WORK: u8 = 65;
/// Slowly, over the long window.
pub const SLOW: u8 = 66;
/// Firewall rules that drop everything.
pub const DROPS_ALL: u8 = 67;
/// Firewall rules that lead packets elsewhere.
pub const REDIRECTS: u8 = 68;
