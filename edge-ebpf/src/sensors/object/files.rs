//! What `file_tamper` makes of what happens to files, on the upper rungs: the same evidence as on the tracepoint rung, of the files
//! themselves instead of their names, and of operations that are about to succeed.
//!
//! More is known here. Whether a file was there before (`FMODE_CREATED`), so that only the rewriting of one that is emptied by the open
//! itself has to be told from making a new one; whether a renamed one replaces another; where a write goes, whatever was opened since.

use edge_abi::Offset;
use edge_ebpf::detectors::file_tamper::{FileEvidence, FilesState, identity};
use edge_ebpf::path::RenameShape;
use edge_ebpf::shape::{HEAD_BYTES, Head, Relation, begin_alike, has_letter, relation, shape};

use super::Object;
use super::open::{Opened, file_mode};
use crate::blur::{blur, blur_bool};
use crate::clock::now_ns;
use crate::emit::file_tamper::{self, Case, Of};
use crate::read::{field, kernel};
use crate::sensors::paths::open_flag;
use crate::{globals, task};

/// File systems in which nothing written is a file that can be lost, by the numbers of `include/uapi/linux/magic.h`.
#[inline(always)]
fn is_synthetic(magic: u64) -> bool {
    const PROC: u64 = 0x9fa0;
    const SYSFS: u64 = 0x6265_6572;
    const CGROUP: u64 = 0x0027_e0eb;
    const CGROUP2: u64 = 0x6367_7270;
    const DEBUGFS: u64 = 0x6462_6720;
    const TRACEFS: u64 = 0x7472_6163;
    const SECURITYFS: u64 = 0x7363_6673;
    const BPF: u64 = 0xcafe_4a11;
    const CONFIGFS: u64 = 0x6265_6570;
    const SELINUX: u64 = 0xf97c_ff8c;
    const EFIVARFS: u64 = 0xde5e_81e4;
    const MQUEUE: u64 = 0x1980_0202;
    matches!(
        magic,
        PROC | SYSFS
            | CGROUP
            | CGROUP2
            | DEBUGFS
            | TRACEFS
            | SECURITYFS
            | BPF
            | CONFIGFS
            | SELINUX
            | EFIVARFS
            | MQUEUE
    )
}

/// Whether an object is a file that can be lost, touched by a process on its own behalf.
#[inline(always)]
pub(super) fn counts(object: &Object) -> bool {
    object.is_regular() && !is_synthetic(object.magic) && !super::is_below()
}

/// What a file is known by.
#[inline(always)]
pub(super) fn identity_of(object: &Object) -> u32 {
    identity(object.dev, object.ino)
}

/// A file is being opened; whether to refuse that.
#[inline(always)]
pub(super) fn opened(opened: &Opened) -> bool {
    let Opened { object, mode, flags } = opened;
    let tgid = task::current_tgid();
    let writes = mode & file_mode::WRITE != 0;
    // Reading matters only in a process that has already changed something; what is only added to is not lost.
    let matters = if writes { flags & open_flag::APPEND == 0 } else { file_tamper::known(tgid).is_some() };
    if !matters || !counts(object) {
        return false;
    }
    let file = identity_of(object);
    let created = mode & file_mode::CREATED != 0;
    let truncate = flags & open_flag::TRUNCATE != 0;
    let created = blur_bool(created, tgid);
    let evidence = if writes {
        FileEvidence::OpenWrite {
            file,
            create: blur_bool(created || (truncate && flags & open_flag::CREATE != 0), tgid),
            exclusive: created,
            truncate: blur_bool(truncate, tgid),
        }
    } else {
        FileEvidence::OpenRead(file)
    };
    judge(tgid, evidence, object, writes && !created)
}

/// A file gets another name, `new`; whether to refuse that.
#[inline(always)]
pub(super) fn renamed(old: &Object, new: u64) -> bool {
    if !counts(old) {
        return false;
    }
    let shape = shape_of(old.dentry, new);
    let file = identity_of(old);
    // A file keeps its identity under its new name, unless what matters is what was there before.
    let mut new_file = file;
    if shape == RenameShape::Arrival {
        // Nothing was there: nothing is lost.
        let Some(replaced) = Object::existing(new) else { return false };
        new_file = identity_of(&replaced);
    }
    let new = blur(new_file, file);
    judge(task::current_tgid(), FileEvidence::Rename { old: file, new, shape }, old, true)
}

/// A file loses a name; whether to refuse that.
#[inline(always)]
pub(super) fn unlinked(object: &Object) -> bool {
    counts(object) && judge(task::current_tgid(), FileEvidence::Unlink(identity_of(object)), object, true)
}

/// A file is emptied; whether to refuse that.
#[inline(always)]
pub(super) fn emptied(object: &Object) -> bool {
    counts(object) && judge(task::current_tgid(), FileEvidence::Empty(identity_of(object)), object, true)
}

/// A file is mapped so that writing to memory writes to it; whether to refuse that.
#[inline(always)]
pub(super) fn mapped(opened: &Opened) -> bool {
    let Opened { object, mode, .. } = opened;
    if mode & file_mode::CREATED != 0 || !counts(object) {
        return false;
    }
    let (file, tgid) = (identity_of(object), task::current_tgid());
    let evidence = FileEvidence::OpenWrite { file, create: false, exclusive: false, truncate: false };
    let refused = judge(tgid, evidence, object, true);
    for_both(tgid, FilesState::note_written_mapping);
    refused
}

/// Does something to what is known of a process and of its origin.
#[inline(always)]
fn for_both(tgid: u32, deed: fn(&mut FilesState)) {
    if let Some(state) = file_tamper::known(tgid) {
        deed(state);
    }
    if let Some(state) = file_tamper::known(file_tamper::origin_key(tgid)) {
        deed(state);
    }
}

/// Counts one piece of evidence for the process, then for its origin; whether to refuse what it is about.
#[inline(always)]
fn judge(tgid: u32, evidence: FileEvidence, object: &Object, harms: bool) -> bool {
    let deniable = harms && globals::denies() != 0;
    let reads = matches!(evidence, FileEvidence::OpenRead(_));
    let now_ns = now_ns();
    let mut refused = false;
    // One call, or all behind it would be there twice.
    let mut round = 0;
    while round < 2 {
        let (of, key) =
            if round == 0 { (Of::Process, tgid) } else { (Of::Origin, file_tamper::origin_key(tgid)) };
        let Some(tuning) = file_tamper::tuning(of) else { break };
        let state = if reads { file_tamper::known(key) } else { file_tamper::known_or_new(key) };
        let Some(state) = state else { break };
        let case = Case { of, tgid, evidence, deniable, now_ns };
        refused = blur_bool(refused | file_tamper::apply(&case, state, tuning, object), tgid);
        round += 1;
    }
    refused
}

/// How two names relate.
#[inline(always)]
fn shape_of(old: u64, new: u64) -> RenameShape {
    let old_len = field::<u32>(old, Offset::DentryNameLen);
    let new_len = field::<u32>(new, Offset::DentryNameLen);
    if old_len == new_len {
        return RenameShape::Plain;
    }
    of_names(
        (field::<u64>(old, Offset::DentryNameText), old_len),
        (field::<u64>(new, Offset::DentryNameText), new_len),
    )
    .unwrap_or(RenameShape::Plain)
}

/// The same from where the names lie and how long they are. A name has room for its first 32 bytes, whatever its length; reading
/// beyond the end of a longer one stays within its page or fails.
#[inline(always)]
fn of_names((old, old_len): (u64, u32), (new, new_len): (u64, u32)) -> Option<RenameShape> {
    let mut old_head = kernel::<Head>(old)?;
    let new_head = kernel::<Head>(new)?;
    let relation = relation(old_len, &old_head, new_len, &new_head);
    let mut old = old;
    if relation == Relation::Hidden {
        old += 1;
        old_head = kernel::<Head>(old)?;
    }
    let longer = relation == Relation::Longer;
    let shared = if longer { old_len } else { new_len };
    if relation == Relation::Plain || !begin_alike(&old_head, &new_head, shared) {
        return None;
    }
    if shared > HEAD_BYTES {
        let last = u64::from(shared) - 8;
        if kernel::<u64>(old + last)? != kernel::<u64>(new + last)? {
            return None;
        }
    }
    let letter = longer && {
        let rest = kernel::<[u64; 2]>(new + u64::from(shared))?;
        has_letter(rest, new_len - old_len)
    };
    Some(shape(relation, letter))
}
