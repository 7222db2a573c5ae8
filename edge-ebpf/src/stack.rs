//! Room for the programs that a program jumps to.
//!
//! Without a JIT, and with that of 32-bit ARM (a tail call there lands behind the prologue of the program it goes to,
//! `arch/arm/net/bpf_jit_32.c`), a program and all that it jumps to run on one stack, whose size the kernel chooses by what the first
//! one uses. A program that jumps is meant to get all 512 bytes, but since Linux 6.10 or thereabouts it does not. What is jumped to
//! then writes beyond the stack: seen on Linux 6.12 armhf, without the JIT as a fault in `___bpf_prog_run`, with it as `kernel BUG at
//! mm/usercopy.c`, where the kernel's own check of copies stopped a `bpf_probe_read_user`.

use core::mem::MaybeUninit;
use core::ptr::{read_volatile, write_volatile};

/// Uses so many words of the stack, for the verifier to see. For each program that is attached and jumps.
///
/// The address goes through memory, or else the compiler would keep the one word that is written and drop the rest.
#[inline(always)]
pub(crate) fn widen<const WORDS: usize>() {
    let mut room = MaybeUninit::<[u64; WORDS]>::uninit();
    let mut lowest: *mut u64 = core::ptr::null_mut();
    // SAFETY: a pointer of our own.
    unsafe { write_volatile(&raw mut lowest, room.as_mut_ptr().cast()) };
    // SAFETY: the same.
    let lowest = unsafe { read_volatile(&raw const lowest) };
    // SAFETY: the lowest word of an array of our own.
    unsafe { write_volatile(lowest, 0) };
}
