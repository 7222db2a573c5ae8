//! The command line that boots a kernel of the matrix on QEMU's `virt` machine.

use std::path::{Path, PathBuf};

use super::Arch;
use crate::tool::Tool;

/// What a guest is made of.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// The architecture.
    pub(super) arch: Arch,
    /// Number of processors.
    pub(super) cpus: u8,
    /// Memory, in MiB.
    pub(super) memory_mib: u32,
    /// Whether the guest's clock counts instructions instead of the host's time.
    pub(super) icount: bool,
    /// Images of disks: `/dev/vda`, `/dev/vdb` and so on.
    pub(super) disks: Vec<PathBuf>,
    /// Words of the kernel command line.
    pub(super) boot_words: Vec<String>,
}

impl Machine {
    /// The QEMU of this architecture.
    pub(super) const fn tool(&self) -> Tool {
        let program = match self.arch {
            Arch::Arm64 => "qemu-system-aarch64",
            Arch::Armhf => "qemu-system-arm",
        };
        Tool { program, package: "qemu-system-arm" }
    }

    /// QEMU's arguments. Emulation only (no KVM): slower than hardware, and the same everywhere.
    pub(super) fn arguments(&self, image: &Path, initramfs: &Path) -> Vec<String> {
        let (cpu, board) = match self.arch {
            Arch::Arm64 => ("cortex-a53", "virt"),
            // A kernel without large physical addresses cannot reach devices above 4 GiB.
            Arch::Armhf => ("cortex-a15", "virt,highmem=off"),
        };
        let (memory, cpus, words) =
            (self.memory_mib.to_string(), self.cpus.to_string(), self.boot_words.join(" "));
        let (image, initramfs) = (image.display().to_string(), initramfs.display().to_string());
        let mut arguments: Vec<String> = [
            "-M",
            board,
            "-cpu",
            cpu,
            "-m",
            &memory,
            "-smp",
            &cpus,
            "-accel",
            "tcg",
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
            "-monitor",
            "none",
            "-serial",
            "stdio",
            // User networking: the guest sees the host's loopback at 10.0.2.2; no port of the host is opened.
            "-netdev",
            "user,id=net",
            "-device",
            "virtio-net-device,netdev=net",
            "-kernel",
            &image,
            "-initrd",
            &initramfs,
            "-append",
            &words,
        ]
        .map(str::to_owned)
        .into();
        // The kernel finds the last device of this bus first.
        for (number, disk) in self.disks.iter().enumerate().rev() {
            // Written through QEMU as soon as the guest writes: what the guest's own cache holds is lost when it is killed.
            let drive = format!("file={},format=raw,if=none,id=disk{number}", disk.display());
            let device = format!("virtio-blk-device,drive=disk{number}");
            arguments.extend(["-drive", &drive, "-device", &device].map(str::to_owned));
        }
        if self.icount {
            arguments.extend(["-icount".to_owned(), "shift=0,sleep=off".to_owned()]);
        }
        arguments
    }
}

/// The kernel command line every guest starts with. Unknown names in `lsm=` are skipped by kernels that lack them.
pub(super) fn base_words() -> Vec<String> {
    ["console=ttyAMA0", "quiet", "loglevel=4", "panic=-1", "lsm=lockdown,bpf", "random.trust_cpu=on"]
        .map(str::to_owned)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_architecture_gets_its_processor() {
        let mut machine = Machine {
            arch: Arch::Armhf,
            cpus: 2,
            memory_mib: 256,
            icount: false,
            disks: Vec::new(),
            boot_words: base_words(),
        };
        let arguments = machine.arguments(Path::new("k"), Path::new("i")).join(" ");
        assert!(arguments.contains("-cpu cortex-a15 -m 256 -smp 2"), "{arguments}");
        assert!(!arguments.contains("icount"));
        machine.arch = Arch::Arm64;
        machine.icount = true;
        let arguments = machine.arguments(Path::new("k"), Path::new("i")).join(" ");
        assert!(arguments.contains("cortex-a53") && arguments.ends_with("-icount shift=0,sleep=off"));
        assert_eq!(machine.tool().program, "qemu-system-aarch64");
    }
}
