//! The programs and maps that become `dist/edge-ebpf.o`.
//!
//! One object serves `x86_64`, aarch64 and armv7 on Linux 5.10 and later: whatever differs (syscall numbers, register
//! offsets, tracepoint layouts) is a read-only global that the loader sets before the verifier sees the program.
#![no_std]
#![no_main]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![expect(clippy::needless_pass_by_value, reason = "the macros that make programs pass contexts by value")]
#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "a value instead of a reference would be copied onto the 512-byte stack"
)]
#![expect(
    clippy::inline_always,
    reason = "the 32-bit ARM JIT has no calls between BPF functions: one would drop the whole program to the interpreter"
)]

mod blur;
mod clock;
mod emit;
mod filter;
mod globals;
mod maps;
mod read;
mod sensors;
mod stack;
mod task;

/// Programs must not panic, and the verifier would refuse one that could; the language still wants a handler.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The licence the kernel asks for: `bpf_probe_read_*` and `bpf_send_signal` are for GPL-compatible programs.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
