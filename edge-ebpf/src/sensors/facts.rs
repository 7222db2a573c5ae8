//! The offsets of kernel structs, tried on things that the agent knows: itself, its executable and four files it has open.
//!
//! Hook: none. A raw tracepoint program (`BPF_PROG_TYPE_RAW_TRACEPOINT`) that the agent runs once at start, in its own context, by
//! `BPF_PROG_TEST_RUN` (Linux 5.10, `bpf_prog_test_run_raw_tp` of `net/bpf/test_run.c`); it is attached nowhere. The context's words are
//! the descriptors of the four files. Everything is read with `bpf_probe_read_kernel`, so a wrong offset gives a wrong value or zero,
//! which the agent finds not to be what it knows.
//! Blind to: what no task leads to, which is `linux_binprm` and `iattr`.

use aya_ebpf::helpers::generated::bpf_get_current_task;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{FACT_FILES, Facts, FileFacts, Offset, Same};

use crate::maps::FACTS;
use crate::{globals, read};

/// Descriptors beyond this are not looked at; the agent has few open when it asks.
const MAX_DESCRIPTOR: u64 = 1024;

/// Reads everything.
#[raw_tracepoint]
pub(crate) fn facts(ctx: RawTracePointContext) -> i32 {
    let Some(facts) = FACTS.get_ptr_mut(0) else { return 0 };
    // SAFETY: a value of an array stays mapped, and nobody else runs this program meanwhile.
    let facts = unsafe { &mut *facts };
    // SAFETY: the helper takes nothing and gives the address of the running task's struct.
    let task = unsafe { bpf_get_current_task() };
    of_task(task, facts);
    let table = member::<u64>(member(task, Offset::TaskFiles), Offset::FilesTable);
    facts.max_fds = member(table, Offset::TableMax);
    let list = member(table, Offset::TableFiles);
    let executable = member(member(task, Offset::TaskMm), Offset::MmExeFile);
    let files: [u64; FACT_FILES] = [
        open_file(list, ctx.arg(0)),
        open_file(list, ctx.arg(1)),
        open_file(list, ctx.arg(2)),
        open_file(list, ctx.arg(3)),
        executable,
    ];
    for (slot, file) in facts.files.iter_mut().zip(files) {
        of_file(file, slot);
    }
    facts.done = 1;
    0
}

/// A member of the struct at `base`; zero where it cannot be read, or its place is not known.
#[inline(always)]
fn member<T: Default>(base: u64, offset: Offset) -> T {
    if !globals::has(offset) {
        return T::default();
    }
    read::kernel(base.wrapping_add(globals::offset(offset))).unwrap_or_default()
}

/// The `struct file` behind a descriptor.
#[inline(always)]
fn open_file(list: u64, descriptor: u64) -> u64 {
    if descriptor >= MAX_DESCRIPTOR {
        return 0;
    }
    read::kernel(list.wrapping_add(descriptor * 8)).unwrap_or_default()
}

/// What is read of the process.
#[inline(always)]
fn of_task(task: u64, facts: &mut Facts) {
    facts.tgid = member(task, Offset::TaskTgid);
    facts.pid = member(task, Offset::TaskPid);
    facts.parent = member(member(task, Offset::TaskParent), Offset::TaskTgid);
    facts.leader = member(member(task, Offset::TaskLeader), Offset::TaskPid);
    facts.start_ns = member(task, Offset::TaskStart);
    facts.task_flags = member(task, Offset::TaskFlags);
    read::kernel_text(task.wrapping_add(globals::offset(Offset::TaskComm)), &mut facts.comm);
    let cred = member(task, Offset::TaskCred);
    facts.uid = member(cred, Offset::CredUid);
    facts.euid = member(cred, Offset::CredEuid);
    facts.effective = member(cred, Offset::CredEffective);
    facts.permitted = member(cred, Offset::CredPermitted);
    facts.real_uid = member(member(task, Offset::TaskRealCred), Offset::CredUid);
    let namespace = member(cred, Offset::CredUserNs);
    facts.user_ns = member(namespace, Offset::UserNsInum);
    facts.level = member(namespace, Offset::UserNsLevel);
}

/// What is read of a file.
#[inline(always)]
fn of_file(file: u64, facts: &mut FileFacts) {
    facts.flags = member(file, Offset::FileFlags);
    facts.access = member(file, Offset::FileMode);
    facts.position = member(file, Offset::FilePos);
    let inode = member(file, Offset::FileInode);
    facts.ino = member(inode, Offset::InodeIno);
    facts.size = member(inode, Offset::InodeSize);
    facts.rdev = member(inode, Offset::InodeRdev);
    facts.mode = member::<u16>(inode, Offset::InodeMode).into();
    facts.links = member(inode, Offset::InodeNlink);
    facts.uid = member(inode, Offset::InodeUid);
    facts.gid = member(inode, Offset::InodeGid);
    let super_block = member(inode, Offset::InodeSb);
    facts.dev = member(super_block, Offset::SuperDev);
    facts.magic = member(super_block, Offset::SuperMagic);
    let dentry = member(file, Offset::FileDentry);
    facts.name_len = member(dentry, Offset::DentryNameLen);
    read::kernel_text(member(dentry, Offset::DentryNameText), &mut facts.name);
    let parent = member(dentry, Offset::DentryParent);
    read::kernel_text(member(parent, Offset::DentryNameText), &mut facts.folder_name);
    facts.folder = member(member(parent, Offset::DentryInode), Offset::InodeIno);
    let mount = member(file, Offset::FileMnt);
    let root: u64 = member(mount, Offset::MountRoot);
    facts.root = member(member(root, Offset::DentryInode), Offset::InodeIno);
    facts.same = bit(member(dentry, Offset::DentryInode), inode, Same::Inode)
        | bit(member(dentry, Offset::DentrySb), super_block, Same::Super)
        | bit(member(mount, Offset::VfsMountSb), super_block, Same::Mount)
        | bit(member(root, Offset::DentryParent), root, Same::Root);
    let socket = member(file, Offset::FilePrivate);
    let sock = member(socket, Offset::SocketSock);
    facts.sock_type = pair(member(sock, Offset::SockType), member(sock, Offset::SockProtocol));
    facts.sock_family = pair(member(socket, Offset::SocketType), member(sock, Offset::SockFamily));
    facts.sock_ports = pair(member(sock, Offset::SockPort), member(sock, Offset::SockPeerPort));
    facts.sock_peer = member(sock, Offset::SockPeer);
}

/// The bit when both are the same address, and one at all.
#[inline(always)]
fn bit(left: u64, right: u64, same: Same) -> u32 {
    if left == right && left != 0 { same as u32 } else { 0 }
}

/// Two halves of a word.
#[inline(always)]
fn pair(low: u16, high: u16) -> u32 {
    u32::from(low) | u32::from(high) << 16
}
