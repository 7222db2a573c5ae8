//! Which processes are watched at all.

use aya_ebpf::helpers::generated::bpf_get_current_ancestor_cgroup_id;

use crate::globals;

/// Whether the current process is in scope: in the configured cgroup or below it, or anywhere when none is configured.
/// `bpf_get_current_ancestor_cgroup_id`: Linux 5.6 for tracing programs.
#[inline(always)]
pub(crate) fn in_scope() -> bool {
    let depth = globals::scope_depth();
    if depth == 0 {
        return true;
    }
    // SAFETY: a helper that takes a number and answers 0 when there is no such ancestor.
    let id = unsafe { bpf_get_current_ancestor_cgroup_id(depth.cast_signed() - 1) };
    id == globals::scope_id()
}
