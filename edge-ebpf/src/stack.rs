//! Room on the stack for programs that are jumped to.

use core::mem::MaybeUninit;

/// Makes the calling program ask for `WORDS` more words of stack than it needs.
///
/// A tail call of the 32-bit ARM JIT lands behind the prologue of the program it goes to (`arch/arm/net/bpf_jit_32.c`), which
/// therefore runs on the stack that the first program of the chain asked for. The verifier means to ask for all 512 bytes in such
/// a program, but on 6.12 armhf the JIT was seen to take the program's own depth: what lay deeper was below the stack pointer, and
/// the kernel's own check of copies to the stack stopped it (`kernel BUG at mm/usercopy.c`, in `bpf_probe_read_user`). So the
/// first program of a chain is made as deep as the deepest that follows; `cargo xtask ebpf` checks it.
#[inline(always)]
pub(crate) fn deepen<const WORDS: usize>() {
    let mut room = MaybeUninit::<[u64; WORDS]>::uninit();
    let start = core::hint::black_box(room.as_mut_ptr()).cast::<u64>();
    // SAFETY: the first word of a local array. Volatile, and by a pointer the compiler cannot follow, since the array is otherwise
    // of no use and would go, or shrink to the word that is written.
    unsafe { start.write_volatile(0) };
}
