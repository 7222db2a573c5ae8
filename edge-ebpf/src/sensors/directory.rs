//! Working directories on the tracepoint rung, followed through `chdir` and `fchdir` so that a relative path can be judged.

use edge_abi::{CWD_BYTES, task_flags};
use edge_ebpf::detectors::volatile_exec::Place;
use edge_ebpf::path::{PathBuffer, PathFacts};

use crate::emit::file_tamper;
use crate::maps::Scratch;
use crate::task;

/// The process changes to the path in `scratch`.
#[inline(always)]
pub(super) fn change(scratch: &mut Scratch, length: u32, facts: PathFacts) {
    if facts.dotdot != 0 {
        lose(scratch);
        return;
    }
    forget_names();
    if scratch.path.first() != b'/' {
        // Deeper into what it was: still volatile or not, but under another name.
        if let Some(known) = task::lookup(task::current_tgid()) {
            known.cwd_len = 0;
        }
        return;
    }
    let PathBuffer([head, _]) = scratch.path;
    scratch.prefix.data = head;
    // `/tmp` itself must match the prefix `/tmp/`.
    if let Some(byte) = scratch.prefix.data.get_mut(length as usize & (CWD_BYTES - 1)) {
        *byte = b'/';
    }
    let volatile = matches!(task::place(&mut scratch.prefix), Place::Volatile);
    let fits = (length as usize) < CWD_BYTES - 1;
    scratch.task.cwd = head;
    scratch.task.cwd_len = if fits { length } else { 0 };
    remember(scratch, if volatile { task_flags::CWD_VOLATILE } else { 0 });
}

/// The process changes to where it cannot be followed.
#[inline(always)]
pub(super) fn lose(scratch: &mut Scratch) {
    forget_names();
    scratch.task.cwd_len = 0;
    scratch.task.cwd = [0; CWD_BYTES];
    remember(scratch, task_flags::CWD_UNKNOWN);
}

/// After a change of directory the same relative name is another file.
#[inline(always)]
fn forget_names() {
    if let Some(state) = file_tamper::known(task::current_tgid()) {
        state.forget_names();
    }
}

/// Writes the directory in `scratch.task` into the process's entry.
#[inline(always)]
fn remember(scratch: &mut Scratch, flags: u32) {
    let Some(known) = task::known_or_new(task::current_tgid()) else { return };
    known.flags = (known.flags & !task_flags::OF_CWD) | flags;
    known.cwd_len = scratch.task.cwd_len;
    known.cwd = scratch.task.cwd;
}
