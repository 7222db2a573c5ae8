//! The table of what can be missing, and which verb needs what.

use super::{linker, python};
use crate::compiler::{Compiler, Origin};
use crate::process;
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::Path;

/// Something that can be missing, how to see that, and how to get it.
pub(super) struct Part {
    /// What a person would call it.
    pub(super) name: &'static str,
    /// Whether it is there.
    pub(super) present: fn(&Workspace) -> bool,
    /// The Debian packages it is, or is made with.
    pub(super) packages: &'static [&'static str],
    /// What is done after the packages, without root.
    pub(super) install: Option<fn(&Workspace) -> Result<()>>,
    /// Whether `install` works on any system, with no Debian package.
    pub(super) portable: bool,
}

/// A purpose that needs some parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Static programs for the ARM targets.
    Arm,
    /// The eBPF object.
    Bpf,
    /// A real MQTT broker.
    Broker,
    /// A Debian in a folder.
    Chroot,
    /// Guests with the kernels of the matrix.
    Guest,
    /// Checks of shell scripts, of the unit, of the Yocto layer, and of the code that only the BPF compiler sees.
    Lint,
    /// The Python subscriber of docs/examples.
    Python,
}

/// The compiler of `compiler.rs`, able to build for BPF.
const BPF_COMPILER: Part = Part {
    name: "a compiler for BPF (rustc-web)",
    present: |_| {
        Compiler::find()
            .is_ok_and(|found| found.origin == Origin::Nightly || found.has_target("bpfel-unknown-none"))
    },
    packages: &["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"],
    install: None,
    portable: false,
};
/// The same compiler's clippy.
const BPF_CLIPPY: Part = Part {
    name: "clippy of the compiler for BPF (rust-web-clippy)",
    present: |_| Compiler::find().is_ok_and(|found| found.has_clippy()),
    packages: &["rust-web-clippy"],
    install: None,
    portable: false,
};
/// The same compiler with the sources of its standard library.
const STD_SOURCES: Part = Part {
    name: "a compiler with the sources of std (rust-web-src)",
    present: |_| Compiler::find().is_ok_and(|found| found.sources().is_dir()),
    packages: &["rustc-web", "cargo-web", "rust-web-src"],
    install: None,
    portable: false,
};
/// The linker for BPF.
const BPF_LINKER: Part = Part {
    name: "bpf-linker",
    present: linker::present,
    packages: &["llvm-22-dev", "libpolly-22-dev", "libzstd-dev", "gcc", "g++", "libc6-dev"],
    install: Some(linker::install),
    portable: false,
};
/// What comes from the Python index.
const PYTHON_TOOLS: Part = Part {
    name: "zig, cargo-zigbuild, paho-mqtt, bitbake-setup, oelint-adv, kas and ruff",
    present: python::present,
    packages: &["python3", "python3-venv"],
    install: Some(python::install),
    portable: true,
};
/// The broker.
const MOSQUITTO: Part = Part {
    name: "mosquitto",
    // Debian keeps it among the daemons, outside the PATH of ordinary users.
    present: |_| process::installed("mosquitto") || Path::new("/usr/sbin/mosquitto").is_file(),
    packages: &["mosquitto"],
    install: None,
    portable: false,
};
/// The emulator of both ARM machines, and what packs and unpacks their files.
const QEMU: Part = Part {
    name: "qemu-system-aarch64, qemu-system-arm and cpio",
    present: |_| ["qemu-system-aarch64", "qemu-system-arm", "cpio"].into_iter().all(process::installed),
    packages: &["e2fsprogs", "openssl", "qemu-system-arm", "cpio", "xz-utils"],
    install: None,
    portable: false,
};
/// What makes a Debian in a folder.
const DEBOOTSTRAP: Part = Part {
    name: "debootstrap",
    // Among the daemons, as above.
    present: |_| process::installed("debootstrap") || Path::new("/usr/sbin/debootstrap").is_file(),
    packages: &["debootstrap"],
    install: None,
    portable: false,
};
/// The checker of shell scripts.
const SHELLCHECK: Part = Part {
    name: "shellcheck",
    present: |_| process::installed("shellcheck"),
    packages: &["shellcheck"],
    install: None,
    portable: false,
};

/// What reads the unit as the gateway's systemd will.
const SYSTEMD: Part = Part {
    name: "systemd-analyze",
    present: |_| process::installed("systemd-analyze"),
    packages: &["systemd"],
    install: None,
    portable: false,
};

impl Need {
    /// What the purpose needs.
    pub(super) fn parts(self) -> &'static [Part] {
        match self {
            Self::Arm => &[STD_SOURCES, PYTHON_TOOLS],
            Self::Bpf => &[BPF_COMPILER, BPF_LINKER],
            Self::Broker => &[MOSQUITTO],
            Self::Chroot => &[DEBOOTSTRAP],
            Self::Guest => &[QEMU],
            Self::Lint => &[SHELLCHECK, SYSTEMD, BPF_COMPILER, BPF_CLIPPY, PYTHON_TOOLS],
            Self::Python => &[PYTHON_TOOLS],
        }
    }
}

/// What each verb may need. `all` comes first and is what `setup` alone installs.
const VERBS: &[(&str, &[Need])] = &[
    ("all", &[Need::Bpf, Need::Arm, Need::Broker, Need::Chroot, Need::Guest, Need::Lint, Need::Python]),
    ("ebpf", &[Need::Bpf]),
    ("build", &[Need::Arm]),
    ("cross", &[Need::Arm, Need::Chroot]),
    ("test", &[Need::Arm, Need::Broker, Need::Guest, Need::Python]),
    ("vm", &[Need::Guest]),
    ("bench", &[Need::Arm, Need::Guest]),
    ("demo", &[]),
    ("size", &[Need::Arm]),
    ("dist", &[Need::Arm]),
    ("lint", &[Need::Lint]),
];

/// What `verb` may need; `None` when there is no such verb.
pub(super) fn needs_of(verb: &str) -> Option<&'static [Need]> {
    VERBS.iter().find(|(name, _)| *name == verb).map(|(_, needs)| *needs)
}

/// The verbs that `setup --for` knows.
pub(super) fn verbs() -> String {
    VERBS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_covers_every_verb() {
        let all = needs_of("all").unwrap();
        for (verb, needs) in VERBS {
            assert!(needs.iter().all(|need| all.contains(need)), "{verb}");
        }
        assert!(needs_of("bulid").is_none());
    }

    #[test]
    fn a_part_without_packages_can_be_installed_by_itself() {
        for part in needs_of("all").unwrap().iter().flat_map(|need| need.parts()) {
            assert!(!part.packages.is_empty() || part.install.is_some(), "{}", part.name);
            assert!(!part.portable || part.install.is_some(), "{}", part.name);
        }
    }
}
