//! The stack of programs that jump to others.
//!
//! Without a JIT (Debian's `armmp` kernels have it off) the interpreter gives a program the stack its own accesses need, and what it
//! jumps to runs on the same one. The verifier used to reserve all 512 bytes for a program that jumps; since Linux 6.9 that is
//! overwritten by what the program itself uses (`do_misc_fixups` in `kernel/bpf/verifier.c`), so that a larger program then writes beyond
//! its stack. Seen on 6.12 armmp as a fault in `___bpf_prog_run`, entered by `__bpf_prog_run32`.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::bpf_map_lookup_elem;

use crate::maps::PROBE;

/// Words of the stack that are claimed: 448 bytes. `exec` uses 48 more, of 512 there are; the largest that is jumped to, `exec_place`, 440.
const WORDS: usize = 56;

/// Claims 448 bytes of stack. To be called by the programs that the kernel enters and that jump; none of those they jump to may need
/// more.
#[inline(always)]
pub(crate) fn claim() {
    let mut stack = MaybeUninit::<[u64; WORDS]>::uninit();
    let lowest = stack.as_mut_ptr().cast::<u32>();
    // SAFETY: the lowest word of the array lies within it.
    unsafe { lowest.write(0) };
    // SAFETY: a helper that reads four bytes of key at the pointer; its answer does not matter. Only what is handed to the kernel is
    // kept by the compiler, which would shrink the array to one word otherwise.
    unsafe { bpf_map_lookup_elem((&raw const PROBE).cast_mut().cast(), lowest.cast()) };
}
