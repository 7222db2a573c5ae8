//! Room for the programs that a program jumps to.
//!
//! Without a JIT the kernel runs a program, and all that it jumps to, on one stack, whose size it chooses by what the first one uses.
//! A program that jumps is meant to get all 512 bytes, but since Linux 6.10 or thereabouts it does not (`do_misc_fixups` in
//! `kernel/bpf/verifier.c` sets `stack_depth` again after the call of `bpf_tail_call` had raised it). What is jumped to then
//! writes beyond the stack: seen on Linux 6.12, armhf, JIT off, as a fault in `___bpf_prog_run`.

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
