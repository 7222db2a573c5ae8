//! Guests: a kernel of the support matrix under QEMU, with a console that runs commands.
//!
//! [`fetch_kernels`] brings the kernels into the cache once; [`GuestBuilder`] boots one of them with an initramfs of
//! `BusyBox`, the network driver and the files under test; [`Guest::run`] runs a command in it. [`fetch_package`] brings
//! a Debian program and its libraries, for comparison.

mod cpio;
mod debian;
mod disk;
mod error;
mod guest;
mod initramfs;
mod kernels;
mod modules;
mod packages;
mod qemu;
mod root;

use std::fmt;
use std::str::FromStr;

pub use debian::mirror as debian_mirror;
pub use disk::Disk;
pub use error::VmError;
pub use guest::{Done, Guest, GuestBuilder};
pub use initramfs::Placed;
pub use kernels::{KernelFiles, fetch_kernels};
pub use packages::{PackageFiles, fetch_package, fetch_packages};
pub use root::Root;

/// The guest's address of the machine that runs it: a server on the host's loopback is reached there.
pub const HOST: &str = "10.0.2.2";

/// A processor architecture of the support matrix, by its Debian name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Arch {
    /// 64-bit ARM (`aarch64`), run as a Cortex-A53.
    Arm64,
    /// 32-bit `ARMv7` with hardware floating point, run as a Cortex-A15.
    Armhf,
}

impl Arch {
    /// Every architecture of the matrix.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::Armhf];

    /// The Debian name, as used on command lines and in test names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
        }
    }

    /// The variable that names the folder of binaries built for this architecture.
    #[must_use]
    pub const fn bin_dir_variable(self) -> &'static str {
        match self {
            Self::Arm64 => "EDGE_BIN_DIR_ARM64",
            Self::Armhf => "EDGE_BIN_DIR_ARMHF",
        }
    }
}

/// A kernel series of the support matrix.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kernel {
    /// Linux 5.10, the oldest we serve (Debian bullseye).
    V5_10,
    /// Linux 6.1 (Debian bookworm).
    V6_1,
    /// Linux 6.12 (Debian bookworm-backports).
    V6_12,
    /// Linux 7.2 (Debian forky).
    V7_2,
}

impl Kernel {
    /// Every series of the matrix, oldest first.
    pub const ALL: [Self; 4] = [Self::V5_10, Self::V6_1, Self::V6_12, Self::V7_2];

    /// The series as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V5_10 => "5.10",
            Self::V6_1 => "6.1",
            Self::V6_12 => "6.12",
            Self::V7_2 => "7.2",
        }
    }
}

/// The whole support matrix: every kernel series on every architecture.
#[must_use]
pub fn matrix() -> Vec<(Arch, Kernel)> {
    Arch::ALL.into_iter().flat_map(|arch| Kernel::ALL.into_iter().map(move |kernel| (arch, kernel))).collect()
}

/// A name that is not in the matrix; the message lists those that are.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} `{given}` is not one of {known}")]
pub struct UnknownName {
    /// What was being named: `architecture` or `kernel`.
    what: &'static str,
    /// The name given.
    given: String,
    /// The names that exist.
    known: &'static str,
}

impl FromStr for Arch {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "arm64" | "aarch64" => Ok(Self::Arm64),
            "armhf" | "armv7" => Ok(Self::Armhf),
            _ => Err(UnknownName { what: "architecture", given: name.to_owned(), known: "arm64, armhf" }),
        }
    }
}

impl FromStr for Kernel {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kernel| kernel.name() == name).ok_or_else(|| UnknownName {
            what: "kernel",
            given: name.to_owned(),
            known: "5.10, 6.1, 6.12, 7.2",
        })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_strangers_are_refused() {
        for (arch, kernel) in matrix() {
            assert_eq!(arch.name().parse(), Ok(arch));
            assert_eq!(kernel.name().parse(), Ok(kernel));
        }
        assert_eq!(matrix().len(), 8);
        let error = "4.19".parse::<Kernel>().unwrap_err();
        assert_eq!(error.to_string(), "kernel `4.19` is not one of 5.10, 6.1, 6.12, 7.2");
    }
}
