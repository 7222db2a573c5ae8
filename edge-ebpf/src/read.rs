//! Reads of kernel and user memory, as safe functions: the helpers check every address and fail instead of faulting.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use aya_ebpf::helpers::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str_bytes, bpf_probe_read_user, bpf_probe_read_user_buf,
    bpf_probe_read_user_str_bytes,
};
use edge_abi::{HISTORY_TEXT, PREFIX_BYTES};
use edge_ebpf::path::PathBuffer;

use crate::maps::PrefixKey;

/// Reads a kernel value; `None` when the address is bad.
#[inline(always)]
pub(crate) fn kernel<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and copies into a value of its own.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}

/// Reads a user value; `None` when the address is bad or its page is not there.
#[inline(always)]
pub(crate) fn user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and copies into a value of its own.
    unsafe { bpf_probe_read_user(address as *const T) }.ok()
}

/// Fills `buffer` from user memory.
#[inline(always)]
pub(crate) fn user_bytes(address: u64, buffer: &mut [u8]) -> bool {
    // SAFETY: the helper checks the address and writes at most `buffer.len()` bytes into `buffer`.
    unsafe { bpf_probe_read_user_buf(address as *const u8, buffer) }.is_ok()
}

/// Copies a user string; its length without the NUL. An unreadable one becomes empty and gives `None`.
#[inline(always)]
pub(crate) fn user_path(address: u64, buffer: &mut PathBuffer) -> Option<u32> {
    // SAFETY: the helper checks the address and writes at most the buffer, NUL included.
    let length =
        unsafe { bpf_probe_read_user_str_bytes(address as *const u8, buffer.bytes_mut()) }.map(<[u8]>::len);
    let Ok(length) = length else {
        buffer.clear();
        return None;
    };
    Some(length as u32)
}

/// Copies a kernel string; its length without the NUL. An unreadable one gives `None`.
#[inline(always)]
pub(crate) fn kernel_path(address: u64, buffer: &mut PathBuffer) -> Option<u32> {
    // SAFETY: the helper checks the address and writes at most the buffer, NUL included.
    let length =
        unsafe { bpf_probe_read_kernel_str_bytes(address as *const u8, buffer.bytes_mut()) }.map(<[u8]>::len);
    length.ok().map(|length| length as u32)
}

/// Copies a kernel string as far as `text` has room, its NUL included. An unreadable one leaves `text` as it is.
#[inline(always)]
pub(crate) fn kernel_text(address: u64, text: &mut [u8]) {
    // SAFETY: the helper checks the address and writes at most `text`, NUL included.
    let _ = unsafe { bpf_probe_read_kernel_str_bytes(address as *const u8, text) };
}

/// Copies the beginning of `path`, and a NUL.
#[inline(always)]
pub(crate) fn head(text: &mut [u8; HISTORY_TEXT], path: &PathBuffer) {
    let from = path.bytes().as_ptr().cast();
    // SAFETY: the helper checks the source, which is map memory, and writes at most `text`, NUL included.
    unsafe { bpf_probe_read_kernel_str(text.as_mut_ptr().cast(), HISTORY_TEXT as u32, from) };
}

/// Copies `path` into `key` from byte `at` on, which is at most [`PREFIX_BYTES`]: what does not fit into the key falls behind it.
#[inline(always)]
pub(crate) fn append(key: &mut PrefixKey, at: usize, path: &PathBuffer) {
    let start = (&raw mut key.data).cast::<u8>().wrapping_add(at).cast();
    let from = path.bytes().as_ptr().cast();
    // SAFETY: from `at` on there are at least PREFIX_BYTES bytes in `data` and `spill`, which lie side by side; the helper
    // checks the source, which is map memory.
    unsafe { bpf_probe_read_kernel_str(start, PREFIX_BYTES as u32, from) };
}
