//! Makes the verifier forget what it knows of a number.
//!
//! A number that was chosen by a branch is a constant on each way to it, and everything behind is walked once for each: opening a file
//! took the verifier 824,000 of its million instructions. Of a number that it knows nothing of it walks one way.

/// A number again, of which nothing is known. `noise` is any number that the verifier does not know, such as a process id.
///
/// Two instructions, which only the verifier cannot see through; [`edge_ebpf::path::forget`] goes through map memory and takes more.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub(crate) fn blur_long(number: u64, noise: u32) -> u64 {
    // Its upper half as well.
    let (mut blurred, noise) = (number, u64::from(noise).wrapping_mul(0x1_0000_0001));
    // SAFETY: two operations on registers of our own, without memory or stack; the second undoes the first.
    unsafe {
        core::arch::asm!(
            "{blurred} ^= {noise}",
            "{blurred} ^= {noise}",
            blurred = inout(reg) blurred,
            noise = in(reg) noise,
            options(pure, nomem, nostack)
        );
    }
    blurred
}

/// The same where there is no verifier.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub(crate) fn blur_long(number: u64, _noise: u32) -> u64 {
    number
}

/// The same of 32 bits.
#[inline(always)]
pub(crate) fn blur(number: u32, noise: u32) -> u32 {
    blur_long(number.into(), noise) as u32
}

/// Whether something holds, as a number of which nothing is known.
#[inline(always)]
pub(crate) fn blur_bool(holds: bool, noise: u32) -> bool {
    blur(u32::from(holds), noise) & 1 != 0
}
