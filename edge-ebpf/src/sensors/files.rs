//! What `file_tamper` makes of a path on the tracepoint rung.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_ebpf::detectors::file_tamper::FileEvidence;
use edge_ebpf::path::{is_synthetic, rename_shape};

use super::paths::{Operation, open_flag};
use super::syscall::{Jump, jump, scratch};
use crate::clock::now_ns;
use crate::emit::file_tamper::{self, Case, Of};
use crate::task;

/// A file is about to be opened, renamed, emptied or deleted; `sensors/paths.rs` has read its path.
#[raw_tracepoint]
pub(crate) fn sys_files(ctx: RawTracePointContext) -> i32 {
    let _ = observe(Of::Process);
    jump(&ctx, Jump::Origin);
    0
}

/// The same, for everything of the process's origin.
#[raw_tracepoint]
pub(crate) fn sys_origin(_ctx: RawTracePointContext) -> i32 {
    let _ = observe(Of::Origin);
    0
}

/// Turns what is in the scratch room into evidence.
#[inline(always)]
fn observe(of: Of) -> Option<()> {
    let scratch = scratch()?;
    let tgid = task::current_tgid();
    let tuning = file_tamper::tuning(of)?;
    let key = if of == Of::Process { tgid } else { file_tamper::origin_key(tgid) };
    let operation = scratch.operation;
    let flags = scratch.open_flags;
    let reads = operation == Operation::Open as u32 && flags & open_flag::ACCESS == 0;
    let state = if reads { file_tamper::known(key)? } else { file_tamper::known_or_new(key)? };
    if is_synthetic(&scratch.path) {
        return None;
    }
    let [length, new_length] = scratch.lengths;
    let facts = scratch.facts;
    let file = if length != 0 { facts.identity } else { 0 };
    let evidence = if operation == Operation::Rename as u32 {
        let to = scratch.new_facts;
        FileEvidence::Rename {
            old: file,
            new: if new_length != 0 { to.identity } else { 0 },
            shape: rename_shape(&scratch.path, facts.base, &scratch.new_path, to.base, &mut scratch.cursors),
        }
    } else if operation == Operation::Unlink as u32 {
        FileEvidence::Unlink(file)
    } else if operation == Operation::Empty as u32 {
        FileEvidence::Empty(file)
    } else if reads {
        FileEvidence::OpenRead(file)
    } else {
        FileEvidence::OpenWrite {
            file,
            create: flags & open_flag::CREATE != 0,
            exclusive: flags & open_flag::EXCLUSIVE != 0,
            truncate: flags & open_flag::TRUNCATE != 0,
        }
    };
    let case = Case { of, tgid, evidence, deniable: false, now_ns: now_ns() };
    file_tamper::apply(&case, state, tuning, &(&scratch.path, length));
    Some(())
}
