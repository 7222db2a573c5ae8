//! `kernel_code`: code brought into the kernel: a module, another kernel, a BPF program.
//!
//! Technique: T1547.006 (kernel modules), T1014 (rootkit).
//! Hooks: `init_module`, `finit_module`, `kexec_load`, `kexec_file_load`, `bpf` through `sensors/acts.rs`.
//! Record: [`edge_abi::ActRecord`]. `value` is the type of a BPF program (`enum bpf_prog_type`), the descriptor of a module's
//! file, or the address of its image.
//! Cost: nothing but for these syscalls.
//! Blind to (on the tracepoint rung): nothing that passes these syscalls; attempts that fail are told as well. A kill arrives
//! when the syscall is over, so it ends the loader, not the load.

use edge_abi::reason;

use super::Sighting;

/// `BPF_PROG_LOAD` (`include/uapi/linux/bpf.h`).
const BPF_PROG_LOAD: u64 = 5;

/// Judges an `init_module(image)` or `finit_module(fd)`.
#[inline(always)]
#[must_use]
pub fn module(first: u64) -> Sighting {
    Sighting { reason: reason::MODULE, value: first, target: 0 }
}

/// Judges a `kexec_load` or `kexec_file_load`.
#[inline(always)]
#[must_use]
pub fn kexec() -> Sighting {
    Sighting { reason: reason::KEXEC, value: 0, target: 0 }
}

/// Judges what is read or loaded into the kernel, by its number in `enum kernel_read_file_id` or `enum kernel_load_data_id`
/// (`include/linux/kernel_read_file.h`), which are alike: firmware, policies and certificates are no code.
#[inline(always)]
#[must_use]
pub fn brought(id: u32) -> Option<Sighting> {
    match id {
        // A module, and a compressed one (Linux 7.2 has it).
        2 | 7 => Some(module(0)),
        // A kernel, and its initial RAM disk.
        3 | 4 => Some(kexec()),
        _ => None,
    }
}

/// Judges a `bpf(command)`; `kind` is the type of the program, the first word of the attributes. Maps and look-ups are no code.
#[inline(always)]
#[must_use]
pub fn bpf(command: u64, kind: u32) -> Option<Sighting> {
    (command == BPF_PROG_LOAD).then_some(Sighting {
        reason: reason::BPF_PROGRAM,
        value: u64::from(kind),
        target: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loading_a_program_is_code() {
        assert_eq!(bpf(5, 9).map(|seen| (seen.reason, seen.value)), Some((reason::BPF_PROGRAM, 9)));
        for command in [0, 1, 2, 3, 4, 6, 8, 13, 18, 28] {
            assert_eq!(bpf(command, 9), None, "command {command}");
        }
    }

    #[test]
    fn firmware_and_certificates_are_no_code() {
        let reasons = [2, 3, 4, 7].map(|id| brought(id).map(|seen| seen.reason));
        let (module, kexec) = (Some(reason::MODULE), Some(reason::KEXEC));
        assert_eq!(reasons, [module, kexec, kexec, module]);
        for id in [0, 1, 5, 6, 8] {
            assert_eq!(brought(id), None, "{id}");
        }
    }

    #[test]
    fn modules_and_kernels_are_always_told() {
        assert_eq!(module(7), Sighting { reason: reason::MODULE, value: 7, target: 0 });
        assert_eq!(kexec().reason, reason::KEXEC);
    }
}
