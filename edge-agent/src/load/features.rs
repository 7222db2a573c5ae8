//! What this kernel and our privileges allow, asked before anything is loaded.

use std::fs;
use std::path::PathBuf;

use super::machine::Machine;
use super::{cgroup, tracefs};
use crate::error::{AgentError, BpfRefusal};

/// `CAP_NET_ADMIN`, `CAP_SYS_ADMIN`, `CAP_PERFMON`, `CAP_BPF` in `include/uapi/linux/capability.h`.
const NET_ADMIN: u32 = 12;
/// See [`NET_ADMIN`].
const SYS_ADMIN: u32 = 21;
/// See [`NET_ADMIN`].
const PERFMON: u32 = 38;
/// See [`NET_ADMIN`].
const BPF: u32 = 39;

/// A kernel ability that is there, or is not, or could not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is not.
    Absent,
    /// It is.
    Present,
    /// It could not be told.
    Unknown,
}

impl Presence {
    /// For people and for JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Present => "present",
            Self::Unknown => "unknown",
        }
    }

    /// From a yes or no.
    const fn of(there: bool) -> Self {
        if there { Self::Present } else { Self::Absent }
    }
}

/// The features that decide which rungs there are and what they cost.
#[derive(Clone, Debug)]
pub struct Features {
    /// `uname -r`.
    pub release: String,
    /// `uname -m`.
    pub machine_name: String,
    /// The machine, if we serve it.
    pub machine: Option<Machine>,
    /// Mount point of tracefs.
    pub tracefs: Option<PathBuf>,
    /// Mount point of cgroup2.
    pub cgroup2: Option<PathBuf>,
    /// Why the `bpf` syscall does not work for us; `None` when it does.
    pub bpf_refusal: Option<BpfRefusal>,
    /// The first capability that is missing.
    pub missing_capability: Option<&'static str>,
    /// Whether programs are compiled to machine code (`net.core.bpf_jit_enable`); without, each event costs several times more.
    pub jit: Presence,
    /// Whether the kernel describes its types.
    pub btf: Presence,
    /// Whether the BPF LSM is on.
    pub lsm: Presence,
}

impl Features {
    /// Asks this kernel. Reads files and makes one harmless syscall.
    #[must_use]
    pub fn probe() -> Self {
        let name = rustix::system::uname();
        let machine_name = name.machine().to_string_lossy().into_owned();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let lsm = fs::read_to_string("/sys/kernel/security/lsm");
        Self {
            release: name.release().to_string_lossy().into_owned(),
            machine: Machine::from_uname(&machine_name),
            machine_name,
            tracefs: tracefs::find().ok(),
            cgroup2: cgroup::find(),
            bpf_refusal: super::sys::bpf_refusal(),
            missing_capability: missing_capability(&status),
            jit: jit(fs::read_to_string("/proc/sys/net/core/bpf_jit_enable").ok().as_deref()),
            btf: Presence::of(fs::metadata("/sys/kernel/btf/vmlinux").is_ok()),
            lsm: lsm.map_or(Presence::Unknown, |list| {
                Presence::of(list.trim().split(',').any(|name| name == "bpf"))
            }),
        }
    }

    /// The first thing that is missing and that nothing can work without.
    ///
    /// # Errors
    /// [`AgentError::Permission`], [`AgentError::MissingBpf`] or [`AgentError::Load`] for a machine we do not serve.
    pub fn require_basics(&self) -> Result<Machine, AgentError> {
        if let Some(capability) = self.missing_capability {
            return Err(AgentError::Permission { capability });
        }
        if let Some(refusal) = self.bpf_refusal {
            return Err(AgentError::MissingBpf(refusal));
        }
        self.machine.ok_or_else(|| AgentError::Load {
            name: format!("machine {}", self.machine_name),
            source: "register layouts are known for aarch64, armv7 and x86_64 only".into(),
        })
    }
}

/// The first capability that loading needs and `/proc/self/status` does not grant.
#[must_use]
pub(super) fn missing_capability(status: &str) -> Option<&'static str> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    let has = |bit: u32| effective & (1 << bit) != 0;
    // CAP_SYS_ADMIN implies the two that were split off it in Linux 5.8.
    let needed = [
        ("CAP_BPF", has(BPF) || has(SYS_ADMIN)),
        ("CAP_PERFMON", has(PERFMON) || has(SYS_ADMIN)),
        ("CAP_NET_ADMIN", has(NET_ADMIN)),
    ];
    needed.iter().find(|(_, granted)| !granted).map(|(name, _)| *name)
}

/// From the text of `bpf_jit_enable`; the file is missing in kernels built with the JIT always on, or without one.
fn jit(text: Option<&str>) -> Presence {
    match text.map(str::trim) {
        Some("0") => Presence::Absent,
        Some(_) => Presence::Present,
        None => Presence::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_missing_capability() {
        assert_eq!(missing_capability("CapEff:\t000001ffffffffff\n"), None);
        assert_eq!(missing_capability("CapEff:\t0000000000000000\n"), Some("CAP_BPF"));
        assert_eq!(missing_capability("Name:\tx\n"), Some("CAP_BPF"), "no line grants nothing");
        let split = (1_u64 << BPF) | (1 << PERFMON) | (1 << NET_ADMIN);
        assert_eq!(missing_capability(&format!("CapEff:\t{split:016x}\n")), None);
        let no_net = 1_u64 << SYS_ADMIN;
        assert_eq!(missing_capability(&format!("CapEff:\t{no_net:016x}\n")), Some("CAP_NET_ADMIN"));
    }

    #[test]
    fn reads_the_jit_switch() {
        assert_eq!(
            (jit(Some("1\n")), jit(Some("0\n")), jit(None)),
            (Presence::Present, Presence::Absent, Presence::Unknown)
        );
    }
}
