//! The programs and maps that become `dist/edge-ebpf.o`.
//!
//! One object serves x86_64, aarch64 and armv7 on Linux 5.10 and later: whatever differs (syscall numbers, register
//! offsets, tracepoint layouts) is a read-only global that the loader sets before the verifier sees the program.
#![no_std]
#![no_main]

mod clock;
mod emit;
mod filter;
mod globals;
mod maps;
mod read;
mod sensors;
mod task;

/// Programs must not panic, and the verifier would refuse one that could; the language still wants a handler.
#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    #[expect(clippy::empty_loop, reason = "there is nothing to do and nowhere to go in a BPF program")]
    loop {}
}

/// The licence the kernel asks for: `bpf_probe_read_*` and `bpf_send_signal` are for GPL-compatible programs.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
