//! What this machine lets us attach to, above the tracepoints that there always are: tried, not guessed from its version.

use std::fs;
use std::os::fd::AsFd as _;

use aya_obj::generated::{bpf_attach_type, bpf_prog_type};
use serde::{Deserialize, Serialize};

use super::kernel::{self, Kind};
use super::machine::Machine;
use super::program::{Hook, Program};
use crate::config::Ceiling;

/// The type number of perf events on kernel functions; there is none in a kernel without `CONFIG_KPROBE_EVENTS`.
const KPROBE_TYPE: &str = "/sys/bus/event_source/devices/kprobe/type";

/// The security modules in force.
const MODULES: &str = "/sys/kernel/security/lsm";

/// A hook that every kernel with BPF LSM has.
const TRIED: &str = "file_open";

/// `r0 = 0; exit`.
const NOTHING: [u64; 2] = [0xb7, 0x95];

/// `call bpf_get_current_pid_tgid; r0 = 1; exit`.
const ASKS: [u64; 3] = [14 << 32 | 0x85, 1 << 32 | 0xb7, 0x95];

/// By what means programs are attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent ability of the kernel")]
pub struct Means {
    /// Security hooks as LSM programs, which can refuse.
    pub lsm: bool,
    /// Security hooks as kprobes, where they are no LSM programs.
    pub kprobes: bool,
    /// Syscalls at their handlers instead of at the raw tracepoint.
    pub entry: bool,
    /// Members of kernel structs, where they are known to be.
    pub offsets: bool,
    /// Cgroup programs of devices and settings that can ask who runs (Linux 6.1).
    pub tasks: bool,
}

/// Why there are not more; empty where there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lacks {
    /// Why LSM programs are not used.
    pub lsm: String,
    /// Why kprobes are not used.
    pub kprobes: String,
    /// Why syscalls are not seen at their handlers.
    pub entry: String,
    /// Why offsets are not used.
    pub offsets: String,
    /// Why cgroup programs of devices and settings are not used.
    pub tasks: String,
}

/// The functions that LSM programs are attached to.
pub(super) fn functions() -> Vec<String> {
    let security = Program::ALL.into_iter().filter_map(|program| match program.base() {
        Hook::Security(name) => Some(function_name(name)),
        _ => None,
    });
    let mut names: Vec<String> = security.chain([function_name(TRIED)]).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Numbers of functions in the kernel's BTF.
pub(super) struct Functions<'n>(Vec<(&'n str, Option<u32>)>);

impl<'n> Functions<'n> {
    /// Names with their numbers.
    pub(super) fn new(names: &'n [String], numbers: &[Option<u32>]) -> Self {
        Self(names.iter().map(String::as_str).zip(numbers.iter().copied()).collect())
    }

    /// The number of one.
    fn number(&self, name: &str) -> Result<u32, String> {
        let found = self.0.iter().find(|(known, _)| *known == name).and_then(|(_, number)| *number);
        found.ok_or_else(|| format!("the kernel's BTF has no single function {name}"))
    }
}

/// What the kernel calls the function of a security hook that LSM programs are attached to.
fn function_name(hook: &str) -> String {
    format!("bpf_lsm_{hook}")
}

/// Finds out what can be attached here, up to `ceiling`.
pub(super) fn find(ceiling: Ceiling, machine: Machine, functions: &Functions<'_>) -> (Means, Lacks) {
    let lsm = match ceiling {
        Ceiling::Lsm => try_lsm(functions),
        Ceiling::Kprobe | Ceiling::Tracepoint => Err("the configuration forbids it (`load.rung`)".to_owned()),
    };
    let kprobes = match (ceiling, machine) {
        (Ceiling::Tracepoint, _) => Err("the configuration forbids it (`load.rung`)".to_owned()),
        // Elsewhere the words of a kprobe's context are not a function's arguments; on 32-bit ARM kprobes have panicked boards.
        (_, Machine::Arm | Machine::X86_64) => Err("kprobes are used on arm64 only".to_owned()),
        (_, Machine::Aarch64) => kprobe_type().map(drop),
    };
    let tasks = match ceiling {
        // They stand above the paths that they see further than.
        Ceiling::Tracepoint => Err("the configuration forbids it (`load.rung`)".to_owned()),
        Ceiling::Lsm | Ceiling::Kprobe => try_tasks(),
    };
    let means = Means {
        lsm: lsm.is_ok(),
        kprobes: kprobes.is_ok(),
        entry: kprobes.is_ok(),
        offsets: false,
        tasks: tasks.is_ok(),
    };
    let kprobes = kprobes.err().unwrap_or_default();
    let (lsm, tasks) = (lsm.err().unwrap_or_default(), tasks.err().unwrap_or_default());
    (means, Lacks { lsm, entry: kprobes.clone(), kprobes, offsets: String::new(), tasks })
}

/// What kprobes are called among perf events.
pub(super) fn kprobe_type() -> Result<u32, String> {
    let text = fs::read_to_string(KPROBE_TYPE)
        .map_err(|_| "the kernel has no kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)".to_owned())?;
    text.trim().parse().map_err(|_| format!("{KPROBE_TYPE} holds no number"))
}

/// Attaches a program that does nothing to a security hook, for a moment. Kernels list `bpf` among their security modules also
/// where nothing can be attached: arm64 before 6.4 answers 524 (`ENOTSUPP`).
fn try_lsm(functions: &Functions<'_>) -> Result<(), String> {
    let modules = fs::read_to_string(MODULES).unwrap_or_default();
    if !modules.trim().split(',').any(|name| name == "bpf") {
        return Err(
            "`bpf` is not among the kernel's security modules (CONFIG_BPF_LSM, `lsm=` at boot)".to_owned()
        );
    }
    let kind = lsm_kind(functions, TRIED)?;
    let program = kernel::load("try_lsm", kind, &NOTHING, c"GPL")
        .map_err(|(error, _)| format!("an LSM program is refused: {error}"))?;
    kernel::attach_raw(program.as_fd(), None)
        .map(drop)
        .map_err(|error| format!("an LSM program cannot be attached: {error}"))
}

/// Loads a cgroup program of devices that asks who runs: before Linux 6.1 the verifier knows no such function there, nor for settings.
fn try_tasks() -> Result<(), String> {
    let kind = Kind {
        program: bpf_prog_type::BPF_PROG_TYPE_CGROUP_DEVICE as u32,
        attach: bpf_attach_type::BPF_CGROUP_DEVICE as u32,
        function: 0,
    };
    kernel::load("try_tasks", kind, &ASKS, c"GPL")
        .map(drop)
        .map_err(|(error, _)| format!("cgroup programs of devices cannot ask who runs: {error}"))
}

/// How a program is loaded for a security hook.
pub(super) fn lsm_kind(functions: &Functions<'_>, hook: &str) -> Result<Kind, String> {
    Ok(Kind {
        program: bpf_prog_type::BPF_PROG_TYPE_LSM as u32,
        attach: bpf_attach_type::BPF_LSM_MAC as u32,
        function: functions.number(&function_name(hook))?,
    })
}
