//! Reads of kernel and user memory, as safe functions: the helpers check every address and fail instead of faulting.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel as read_bytes, bpf_probe_read_kernel_str, bpf_probe_read_user as read_user,
};
use aya_ebpf::helpers::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str_bytes, bpf_probe_read_user, bpf_probe_read_user_buf,
    bpf_probe_read_user_str_bytes,
};
use edge_abi::{BELOW_AT, BELOW_BYTES, HISTORY_TEXT, Offset, PATH_BYTES, PREFIX_BYTES};
use edge_ebpf::path::PathBuffer;

use crate::blur::blur;
use crate::globals;
use crate::maps::{PrefixKey, Scratch};

/// Reads a kernel value; `None` when the address is bad.
#[inline(always)]
pub(crate) fn kernel<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and copies into a value of its own.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}

/// Reads a member of a kernel object by a helper, wherever the program runs; `None` when the address is bad or the member's place is
/// not known.
#[inline(always)]
pub(crate) fn peek<T>(object: u64, member: Offset) -> Option<T> {
    kernel(object.wrapping_add(globals::offset(member)))
}

/// The same without a branch: zeros where nothing can be read. Each branch that goes on would be another way for the verifier of 5.10,
/// which follows all of them through everything that comes after.
#[inline(always)]
pub(crate) fn glance<T: Copy + Default>(object: u64, member: Offset) -> T {
    let mut value = T::default();
    let address = object.wrapping_add(globals::offset(member)) as *const core::ffi::c_void;
    // SAFETY: the helper checks the address and writes exactly the value, zeros when it fails; any bytes are a number.
    unsafe { read_bytes((&raw mut value).cast(), size_of::<T>() as u32, address) };
    value
}

/// A number that the verifier knows nothing of: it would otherwise follow every way by which a loop can have come to it.
#[inline(always)]
pub(crate) fn forget(number: u64) -> u64 {
    kernel(core::ptr::from_ref(&number).addr() as u64).unwrap_or(0)
}

/// The same for a value that lies on the stack and is made of numbers.
#[inline(always)]
pub(crate) fn forget_all<T: Copy>(value: &mut T) {
    let place = core::ptr::from_mut(value);
    // SAFETY: the helper copies the value onto itself; as far as the verifier knows, other bytes, which are numbers as well.
    unsafe { read_bytes(place.cast(), size_of::<T>() as u32, place.cast_const().cast()) };
}

/// A field of a kernel struct at `base`, which is not null; 0 when it cannot be read. `T` has the field's width.
///
/// An LSM program is given typed pointers and follows them itself: one instruction instead of a call of some fifty. The verifier
/// knows both [`globals::denies`] and the offset, and looks at one branch only.
#[inline(always)]
pub(crate) fn field<T: Number>(base: u64, field: Offset) -> T {
    let address = base.wrapping_add(globals::offset(field));
    if globals::denies() != 0 {
        // SAFETY: the verifier takes this load only where it knows the struct; the kernel catches a fault and gives 0.
        return unsafe { core::ptr::read_volatile(address as *const T) };
    }
    kernel_or_zero(address)
}

/// The same where the verifier does not know what `base` points to.
#[inline(always)]
pub(crate) fn untyped<T: Number>(base: u64, field: Offset) -> T {
    kernel_or_zero(base.wrapping_add(globals::offset(field)))
}

/// What is a number whatever its bytes are.
pub(crate) trait Number: Copy {}

impl Number for u16 {}
impl Number for u32 {}
impl Number for u64 {}

/// Reads a kernel value; 0 when the address is bad. Without a branch, of which the verifier would walk both ways for each value.
#[inline(always)]
pub(crate) fn kernel_or_zero<T: Number>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper checks the address and writes the whole value: zeros when it cannot read.
    unsafe { read_bytes(value.as_mut_ptr().cast(), size_of::<T>() as u32, address as *const _) };
    // SAFETY: all of it was written, and any bytes are a number.
    unsafe { value.assume_init() }
}

/// Reads a user value; `None` when the address is bad or its page is not there.
#[inline(always)]
pub(crate) fn user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and copies into a value of its own.
    unsafe { bpf_probe_read_user(address as *const T) }.ok()
}

/// The same without a branch: zeros where nothing can be read, which the helper writes when it fails.
#[inline(always)]
pub(crate) fn user_or_zero<T: Copy + Default>(address: u64) -> T {
    let mut value = T::default();
    // SAFETY: the helper checks the address and writes exactly the value; any bytes are a number, and so is what is made of numbers.
    unsafe { read_user((&raw mut value).cast(), size_of::<T>() as u32, address as *const _) };
    value
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

/// Writes a slash at `at`, and behind it `length` bytes of kernel memory into the first
/// path. What does not fit there would fall into the second one, which lies behind it: the verifier cannot know that nothing does.
#[inline(always)]
pub(crate) fn into_path(scratch: &mut Scratch, (at, length): (u32, u32), text: u64) -> bool {
    let start = (&raw mut scratch.path).cast::<u8>();
    // SAFETY: `at` is masked to less than a path's bytes.
    let slash = unsafe { start.add(at as usize & (PATH_BYTES - 1)) };
    // SAFETY: a byte within the path.
    unsafe { slash.write(b'/') };
    // SAFETY: at most the first byte behind the path, which is one of the second path's.
    let name = unsafe { slash.add(1) };
    let bytes = length & (PATH_BYTES as u32 - 1);
    // SAFETY: at most 127 bytes, of which what does not fit into the path falls into the second one; the helper checks the source.
    unsafe { read_bytes(name.cast(), bytes, text as *const _) == 0 }
}

/// Moves the text that begins at `at` to the front; its length without the NUL.
#[inline(always)]
pub(crate) fn move_to_front(path: &mut PathBuffer, at: u32) -> u32 {
    let start = (&raw mut *path).cast::<u8>();
    // SAFETY: `at` is masked to less than a path's bytes.
    let from = unsafe { start.add(at as usize & (PATH_BYTES - 1)) };
    // SAFETY: the helper writes at most the path, NUL included, each byte before those behind it are read.
    let bytes = unsafe { bpf_probe_read_kernel_str(start.cast(), PATH_BYTES as u32, from.cast()) };
    (bytes.cast_unsigned() as u32).saturating_sub(1)
}

/// Between two names of a path.
static SLASH: [u8; 2] = *b"/\0";

/// Copies a name behind those that a folder's key has already, `at` bytes of them; where the next one begins. What does not fit falls
/// behind the key. `noise` is for [`blur`].
#[inline(always)]
pub(crate) fn append_name(key: &mut PrefixKey, at: u32, text: u64, noise: u32) -> u32 {
    if at >= BELOW_BYTES as u32 {
        return at;
    }
    // The compiler would else leave out the mask, which the verifier wants to see.
    let place = blur(at, noise) as usize & (PREFIX_BYTES - 1);
    let start = (&raw mut key.data).cast::<u8>().wrapping_add(BELOW_AT + place);
    if at != 0 {
        // SAFETY: the byte before `start` lies within the key, and so does the one at `start`; the source is a constant.
        unsafe { bpf_probe_read_kernel_str(start.wrapping_sub(1).cast(), 2, (&raw const SLASH).cast()) };
    }
    // SAFETY: from `start` on there are at least BELOW_BYTES bytes in `data` and `spill`, which lie side by side; the helper checks
    // the source.
    let bytes = unsafe { bpf_probe_read_kernel_str(start.cast(), BELOW_BYTES as u32, text as *const _) };
    at + (bytes.cast_unsigned() as u32 & (PREFIX_BYTES as u32 - 1))
}
