//! Acts at the hooks where the kernel asks whether they may happen, on the LSM rung: seen by every way that leads there, after every
//! other check that would have refused them, and refused when the policy says so.
//!
//! Hooks (`include/linux/lsm_hook_defs.h`); their arguments are the same from 5.10 to 7.2 unless said otherwise:
//! - `kernel_read_file(struct file *file, enum kernel_read_file_id id, bool contents)`: modules and kernels from files. Numbers of the
//!   enumeration keep their meaning; 7.2 has one more.
//! - `kernel_load_data(enum kernel_load_data_id id, bool contents)`: the same from memory.
//! - `bpf(int cmd, union bpf_attr *attr, unsigned int size)`; a fourth argument since about 6.14.
//! - `socket_create(int family, int type, int protocol, int kern)`.
//! - `sb_mount(const char *dev_name, const struct path *path, const char *type, unsigned long flags, void *data)`.
//! - `move_mount(const struct path *from_path, const struct path *to_path)`.
//! - `sb_pivotroot(const struct path *old_path, const struct path *new_path)`.
//! - `task_alloc(struct task_struct *task, unsigned long clone_flags)`: a process or thread is made; the number has no exit signal in it.
//! - `file_fcntl(struct file *file, unsigned int cmd, unsigned long arg)`.
//! - `inode_init_security_anon(struct inode *inode, const struct qstr *name, const struct inode *context_inode)`, since 5.12: the file of a
//!   ring is made.
//!
//! On rungs below, `sensors/acts.rs` and `sensors/net.rs` judge the registers of the syscalls instead.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_d_path;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use edge_abi::{Detector, Offset, act_flags};
use edge_ebpf::detectors::{Sighting, kernel_code, namespace_escape, raw_socket, shell_on_socket, uring_use};
use edge_ebpf::path::PathBuffer;

use super::{Object, user};
use crate::emit::act::{Act, NO_PATH, apply, enter, of_hook};
use crate::emit::file_tamper::Named as _;
use crate::maps::ExecScratch;
use crate::read::{field, kernel, peek};
use crate::sensors::exec::scratch;
use crate::{filter, task};

/// A file is read into the kernel.
#[lsm(hook = "kernel_read_file")]
pub(crate) fn object_read(ctx: LsmContext) -> i32 {
    let Some(sighting) = kernel_code::brought(ctx.arg::<u64>(1) as u32) else { return 0 };
    if !filter::in_scope() {
        return 0;
    }
    let file = ctx.arg::<u64>(0);
    let object = Object::of_inode(field(file, Offset::FileInode), field(file, Offset::FileDentry));
    super::answer(tell(Detector::KernelCode, sighting, object.path(), object.device()).unwrap_or(false))
}

/// Data is brought into the kernel.
#[lsm(hook = "kernel_load_data")]
pub(crate) fn object_load(ctx: LsmContext) -> i32 {
    answer(Detector::KernelCode, kernel_code::brought(ctx.arg::<u64>(0) as u32))
}

/// A `bpf` call; its attributes are the kernel's own copy, and begin with the type of a program.
#[lsm(hook = "bpf")]
pub(crate) fn object_bpf(ctx: LsmContext) -> i32 {
    let command = ctx.arg::<u64>(0) & 0xffff_ffff;
    if kernel_code::bpf(command, 0).is_none() {
        return 0;
    }
    let kind = kernel::<u32>(ctx.arg::<u64>(1)).unwrap_or(0);
    answer(Detector::KernelCode, kernel_code::bpf(command, kind))
}

/// A socket is made; those of the kernel's own are not asked about.
#[lsm(hook = "socket_create")]
pub(crate) fn object_socket(ctx: LsmContext) -> i32 {
    let [family, kind, protocol, own] =
        [ctx.arg::<u64>(0), ctx.arg::<u64>(1), ctx.arg::<u64>(2), ctx.arg::<u64>(3)].map(|word| word as u32);
    if own != 0 {
        return 0;
    }
    answer(Detector::RawSocket, raw_socket::socket(family, kind, protocol, false))
}

/// Something is mounted.
#[lsm(hook = "sb_mount")]
pub(crate) fn object_mount(ctx: LsmContext) -> i32 {
    mounted(namespace_escape::mount(ctx.arg::<u64>(3)), ctx.arg::<u64>(1))
}

/// A mount is put in place.
#[lsm(hook = "move_mount")]
pub(crate) fn object_move(_ctx: LsmContext) -> i32 {
    // Of these two hooks `bpf_d_path` is not to be called.
    answer(Detector::NamespaceEscape, namespace_escape::mount(0))
}

/// The root is changed.
#[lsm(hook = "sb_pivotroot")]
pub(crate) fn object_pivot(_ctx: LsmContext) -> i32 {
    answer(Detector::NamespaceEscape, Some(namespace_escape::pivot_root()))
}

/// A process or thread is made.
#[lsm(hook = "task_alloc")]
pub(crate) fn object_clone(ctx: LsmContext) -> i32 {
    answer(Detector::NamespaceEscape, namespace_escape::unshare(ctx.arg::<u64>(1), true))
}

/// A descriptor is duplicated, or something else is done to one. C libraries do that after each open, so that it has to be cheap here.
#[lsm(hook = "file_fcntl")]
pub(crate) fn object_fcntl(ctx: LsmContext) -> i32 {
    if let Some(new) = shell_on_socket::duplicated(ctx.arg::<u64>(1), ctx.arg::<u64>(2))
        && filter::in_scope()
    {
        let _ = moved(new);
    }
    0
}

/// A standard descriptor is replaced.
#[inline(always)]
fn moved(new: u64) -> Option<()> {
    const DETECTOR: Detector = Detector::ShellOnSocket;
    let tgid = task::current_tgid();
    let task = task::lookup(tgid)?;
    task.flags = shell_on_socket::moved(task.flags, user::first_argument() & 0xffff_ffff, new)?;
    let sighting = shell_on_socket::judge(task.flags)?;
    let rule = enter(DETECTOR, tgid)?;
    let mut act = Act::new(sighting.reason);
    // Refusing would help nobody: the agent has yet to look what the descriptor is.
    (act.flags, act.value) = (act_flags::LSM | act_flags::CANDIDATE, sighting.value);
    act.object = new as u32 + 1;
    apply(DETECTOR, rule, tgid, &act, None);
    Some(())
}

/// A file without a name is made: that of a ring?
#[lsm(hook = "inode_init_security_anon")]
pub(crate) fn object_ring(ctx: LsmContext) -> i32 {
    let name = ctx.arg::<u64>(1);
    let text = peek::<u64>(name, Offset::QstrName).and_then(kernel::<u64>);
    if text != Some(u64::from_ne_bytes(*b"[io_urin")) {
        return 0;
    }
    answer(Detector::UringUse, Some(uring_use::setup(user::first_argument())))
}

/// Judges an act without a path; what the hook answers.
#[inline(always)]
fn answer(detector: Detector, sighting: Option<Sighting>) -> i32 {
    let Some(sighting) = sighting else { return 0 };
    if !filter::in_scope() {
        return 0;
    }
    super::answer(tell(detector, sighting, (&NO_PATH, 0), 0).unwrap_or(false))
}

/// Judges a mount at a `struct path`.
#[inline(always)]
fn mounted(sighting: Option<Sighting>, place: u64) -> i32 {
    let Some(sighting) = sighting else { return 0 };
    if !filter::in_scope() {
        return 0;
    }
    let Some(scratch) = scratch() else { return 0 };
    let path = resolve(scratch, place);
    super::answer(tell(Detector::NamespaceEscape, sighting, path, 0).unwrap_or(false))
}

/// The path of a place as its process sees it. An LSM program can be preempted by another one that uses this room: then there is none.
#[inline(always)]
fn resolve(scratch: &mut ExecScratch, place: u64) -> (&PathBuffer, u32) {
    let owner = bpf_get_current_pid_tgid();
    scratch.owner = owner;
    let buffer = scratch.path.bytes_mut();
    // SAFETY: the helper takes the pointer that the hook was given, and writes at most the buffer, NUL included.
    let length = unsafe { bpf_d_path(place as *mut _, buffer.as_mut_ptr().cast(), buffer.len() as u32) };
    if length > 0 && scratch.owner == owner {
        (&scratch.path, length.cast_unsigned() as u32 - 1)
    } else {
        (&NO_PATH, 0)
    }
}

/// Counts, acts and reports; whether to refuse. `device` is the number of the file system that the path is one of, or 0.
#[inline(always)]
fn tell(detector: Detector, sighting: Sighting, path: (&PathBuffer, u32), device: u32) -> Option<bool> {
    let tgid = task::current_tgid();
    let rule = enter(detector, tgid)?;
    let mut act = Act::new(sighting.reason);
    (act.flags, act.value, act.target) = (of_hook(), sighting.value, sighting.target);
    act.object = sighting.target ^ sighting.value as u32;
    act.device = device;
    Some(apply(detector, rule, tgid, &act, Some(path)))
}
