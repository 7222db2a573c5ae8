//! The clock of every record.

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;

/// Nanoseconds of boot time, suspend included. Linux 5.8.
#[inline(always)]
pub(crate) fn now_ns() -> u64 {
    // SAFETY: a helper without arguments; unsafe only because it is a raw kernel call.
    unsafe { bpf_ktime_get_boot_ns() }
}
