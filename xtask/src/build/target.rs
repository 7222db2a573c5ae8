//! What can be built for.

use crate::elf::{EM_AARCH64, EM_ARM};
use anyhow::{Result, bail};
use edge_tests::vm::Arch;

/// A machine that programs are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// 64-bit ARM, static.
    Aarch64,
    /// 32-bit ARM with hardware floating point, static.
    Armv7,
    /// This machine, linked as usual.
    Host,
}

impl Target {
    /// The two that go into images.
    pub(crate) const ARM: [Self; 2] = [Self::Aarch64, Self::Armv7];

    /// Reads `host`, `aarch64` or `armv7`.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "aarch64" => Self::Aarch64,
            "armv7" => Self::Armv7,
            "host" => Self::Host,
            _ => bail!("target `{name}` is none of host, aarch64, armv7"),
        })
    }

    /// What programs for guests of `arch` are built for.
    pub(crate) fn for_guest(arch: Arch) -> Self {
        match arch {
            Arch::Arm64 => Self::Aarch64,
            Arch::Armhf => Self::Armv7,
        }
    }

    /// The name [`Target::named`] reads.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::Armv7 => "armv7",
            Self::Host => "host",
        }
    }

    /// The compiler's name of it; `None` for this machine.
    pub(crate) fn triple(self) -> Option<&'static str> {
        match self {
            Self::Aarch64 => Some("aarch64-unknown-linux-musl"),
            Self::Armv7 => Some("armv7-unknown-linux-musleabihf"),
            Self::Host => None,
        }
    }

    /// The ELF machine that its programs must have; `None` for this machine.
    pub(crate) fn machine(self) -> Option<u16> {
        match self {
            Self::Aarch64 => Some(EM_AARCH64),
            Self::Armv7 => Some(EM_ARM),
            Self::Host => None,
        }
    }

    /// The profile when none is given: what goes into images, or what a developer waits least for.
    pub(crate) fn profile(self) -> &'static str {
        if self == Self::Host { "dev" } else { "dist" }
    }

    /// The variable by which tests find its programs.
    pub(crate) fn bin_dir_variable(self) -> &'static str {
        match self {
            Self::Aarch64 => "EDGE_BIN_DIR_ARM64",
            Self::Armv7 => "EDGE_BIN_DIR_ARMHF",
            Self::Host => "EDGE_BIN_DIR_HOST",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for target in [Target::Aarch64, Target::Armv7, Target::Host] {
            assert_eq!(Target::named(target.name()).unwrap(), target);
        }
        assert!(Target::named("riscv64").unwrap_err().to_string().contains("`riscv64`"));
    }
}
