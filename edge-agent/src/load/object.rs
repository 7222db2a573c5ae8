//! Loading and attaching with aya, in the loader process (see `handover`).

use std::error::Error;
use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use aya::maps::ProgramArray;
use aya::programs::cgroup_sock_addr::CgroupSockAddr;
use aya::programs::perf_event::{PerfEventConfig, PerfEventScope, SamplePolicy, SoftwareEvent};
use aya::programs::{
    CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, CgroupSock, PerfEvent, ProgramFd, RawTracePoint,
    TracePoint,
};
use aya::util::online_cpus;
use aya::{Ebpf, EbpfLoader};

use super::cgroup::Cgroup;
use super::facts::{self, Fact};
use super::layouts::{Layouts, Standing};
use super::machine::Machine;
use super::packed::Object;
use super::report::{Hook, MapCost, Program, Reached, Report};
use super::tracefs;

/// Longest error message passed on.
const MESSAGE_BYTES: usize = 240;

/// What to load.
#[derive(Debug)]
pub(super) struct Plan {
    /// The programs wanted.
    pub programs: Vec<Program>,
    /// The machine's layouts.
    pub machine: Machine,
    /// Where network programs are attached, and what is watched when `scoped`.
    pub cgroup: Option<Cgroup>,
    /// Whether only `cgroup` and what is below it is watched.
    pub scoped: bool,
    /// Offset of the file name's locator in `sched_process_exec`; 0 when unknown.
    pub exec_filename: u32,
    /// Offset of the child's pid in `sched_process_fork`; 0 when unknown.
    pub fork_child: u32,
    /// Offsets of signal, code, pid and result in `signal_generate`; 0 when unknown.
    pub signal_fields: [u32; 4],
    /// Offset of the old state in `inet_sock_set_state`; 0 when unknown.
    pub sock_state: u32,
    /// Where members of kernel structs lie.
    pub layouts: Layouts,
}

impl Plan {
    /// Fills the tracepoint offsets from tracefs.
    pub(super) fn read_tracepoints(&mut self) -> Result<(), tracefs::TracefsError> {
        let mount = tracefs::find()?;
        self.exec_filename = tracefs::offset(&mount, "sched", "sched_process_exec", "filename")?;
        self.fork_child = tracefs::offset(&mount, "sched", "sched_process_fork", "child_pid")?;
        let signal = |field| tracefs::offset(&mount, "signal", "signal_generate", field);
        self.signal_fields = [signal("sig")?, signal("code")?, signal("pid")?, signal("result")?];
        Ok(())
    }

    /// The same for connections made to this machine. Every field from the old state on must lie where the kernel side expects it
    /// (`edge-ebpf/src/detectors/login_guessing.rs`).
    pub(super) fn read_sock_state(&mut self) -> Result<(), tracefs::TracefsError> {
        const FIELDS: [(&str, u32); 6] = [
            ("newstate", 4),
            ("sport", 8),
            ("family", 12),
            ("protocol", 14),
            ("daddr", 20),
            ("daddr_v6", 40),
        ];
        let mount = tracefs::find()?;
        let offset = |field| tracefs::offset(&mount, "sock", "inet_sock_set_state", field);
        let first = offset("oldstate")?;
        for (field, behind) in FIELDS {
            if offset(field)? != first + behind {
                return Err(tracefs::TracefsError::Field);
            }
        }
        self.sock_state = first;
        Ok(())
    }
}

/// Loads everything and attaches what is wanted. Programs stay attached as long as their descriptors live.
pub(super) fn load(plan: &Plan) -> (Option<Ebpf>, Report) {
    let mut report = Report::default();
    let syscalls = plan.machine.syscalls();
    let offsets = plan.machine.argument_offsets();
    let (registers_32, compat_offset) = (plan.machine.registers_32(), plan.machine.compat_offset());
    let scope = plan.cgroup.as_ref().filter(|_| plan.scoped);
    let (depth, id) = scope.map_or((0, 0), |cgroup| (cgroup.depth + 1, cgroup.id));
    let sock_create = u32::from(plan.cgroup.is_some() && plan.programs.contains(&Program::SockCreate));
    let object = match Object::unpack() {
        Ok(object) => object,
        Err(why) => {
            report.failure = why.into_owned();
            return (None, report);
        }
    };
    let loaded = EbpfLoader::new()
        .btf(None)
        .override_global("SYSCALLS", &syscalls[..], true)
        .override_global("ARG_OFFSETS", &offsets[..], true)
        .override_global("REGISTERS_32", &registers_32, true)
        .override_global("COMPAT_OFFSET", &compat_offset, true)
        .override_global("SCOPE_DEPTH", &depth, true)
        .override_global("SCOPE_ID", &id, true)
        .override_global("EXEC_FILENAME", &plan.exec_filename, true)
        .override_global("FORK_CHILD", &plan.fork_child, true)
        .override_global("SIGNAL_FIELDS", &plan.signal_fields[..], true)
        .override_global("SOCK_STATE", &plan.sock_state, true)
        .override_global("SOCK_CREATE", &sock_create, true)
        .override_global("OFFSETS", &plan.layouts.places.offsets[..], true)
        .load(object.bytes());
    let mut ebpf = match loaded {
        Ok(ebpf) => ebpf,
        Err(error) => {
            report.failure = describe(&error);
            return (None, report);
        }
    };
    report.standing = Standing::untried(&plan.layouts)
        .unwrap_or_else(|| Standing::of(&plan.layouts, try_layouts(&mut ebpf, &plan.layouts)));
    for &program in &plan.programs {
        let reached = match attach(&mut ebpf, program, plan) {
            Ok(()) => Reached::Attached,
            Err(Failure::Load(error)) => Reached::Refused(describe(error.as_ref())),
            Err(Failure::Attach(error)) => Reached::Loaded(describe(error.as_ref())),
        };
        report.programs.push((program, reached));
    }
    for (name, map) in ebpf.maps() {
        if let Some(fd) = descriptor(map) {
            report.maps.push(MapCost { name: name.to_owned(), bytes: memlock(fd).unwrap_or(0) });
        }
    }
    (Some(ebpf), report)
}

/// Reads through the offsets what is known otherwise. The program ends with its only descriptor.
fn try_layouts(ebpf: &mut Ebpf, layouts: &Layouts) -> Result<Vec<Fact>, String> {
    let handle = ebpf.program_mut("facts").ok_or("not in the object")?;
    let handle: &mut RawTracePoint = handle.try_into().map_err(|error| describe(&error))?;
    handle.load().map_err(|error| describe(&error))?;
    let program =
        handle.fd().and_then(|fd| fd.try_clone().map_err(Into::into)).map_err(|error| describe(&error))?;
    let map = ebpf.map("FACTS").and_then(descriptor).ok_or("no map for them")?;
    let facts = facts::run(program.as_fd(), map, &layouts.places).map_err(|error| error.to_string());
    if let Some(aya::programs::Program::RawTracePoint(handle)) = ebpf.program_mut("facts") {
        let _ = handle.unload();
    }
    facts
}

/// Where a program failed.
enum Failure {
    /// At its hook.
    Attach(Box<dyn Error>),
    /// At the verifier, or before.
    Load(Box<dyn Error>),
}

/// Loads and attaches one program.
fn attach(ebpf: &mut Ebpf, program: Program, plan: &Plan) -> Result<(), Failure> {
    let load = |error: aya::programs::ProgramError| Failure::Load(error.into());
    let hook = |error: aya::programs::ProgramError| Failure::Attach(error.into());
    if let Hook::Jump(map, place) = program.attachment() {
        let descriptor = load_only(ebpf, program).map_err(load)?;
        let map = ebpf.map_mut(map).ok_or_else(|| Failure::Attach("no map to jump through".into()))?;
        let mut jumps = ProgramArray::try_from(map).map_err(|error| Failure::Attach(error.into()))?;
        return jumps.set(place, &descriptor, 0).map_err(|error| Failure::Attach(error.into()));
    }
    let handle = ebpf.program_mut(program.name()).ok_or_else(|| Failure::Load("not in the object".into()))?;
    match program.attachment() {
        Hook::Jump(..) => {}
        Hook::RawTracepoint(name) => {
            let handle: &mut RawTracePoint = handle.try_into().map_err(load)?;
            handle.load().map_err(load)?;
            handle.attach(name).map_err(hook)?;
        }
        Hook::Tracepoint(category, name) => {
            let handle: &mut TracePoint = handle.try_into().map_err(load)?;
            handle.load().map_err(load)?;
            handle.attach(category, name).map_err(hook)?;
        }
        Hook::Cgroup => {
            let handle: &mut CgroupSockAddr = handle.try_into().map_err(load)?;
            handle.load().map_err(load)?;
            handle.attach(directory(plan)?, MODE).map_err(hook)?;
        }
        Hook::CgroupPacket => {
            let handle: &mut CgroupSkb = handle.try_into().map_err(load)?;
            handle.load().map_err(load)?;
            handle.attach(directory(plan)?, CgroupSkbAttachType::Egress, MODE).map_err(hook)?;
        }
        Hook::CgroupSocket => {
            let handle: &mut CgroupSock = handle.try_into().map_err(load)?;
            handle.load().map_err(load)?;
            handle.attach(directory(plan)?, MODE).map_err(hook)?;
        }
        Hook::Clock(period_ns) => {
            let handle: &mut PerfEvent = handle.try_into().map_err(load)?;
            handle.load().map_err(load)?;
            let clock = PerfEventConfig::Software(SoftwareEvent::CpuClock);
            for cpu in online_cpus().map_err(|(_, error)| Failure::Attach(error.into()))? {
                let scope = PerfEventScope::AllProcessesOneCpu { cpu };
                handle.attach(clock, scope, SamplePolicy::Period(period_ns), false).map_err(hook)?;
            }
        }
    }
    Ok(())
}

/// A `bpf_link` is attached beside those of others whatever the mode, and the kernel wants no flags with it.
const MODE: CgroupAttachMode = CgroupAttachMode::Single;

/// The cgroup to attach to.
fn directory(plan: &Plan) -> Result<&fs::File, Failure> {
    let cgroup = plan.cgroup.as_ref().ok_or_else(|| Failure::Attach("no cgroup to attach to".into()))?;
    Ok(&cgroup.directory)
}

/// Loads a program that others jump to.
fn load_only(ebpf: &mut Ebpf, program: Program) -> Result<ProgramFd, aya::programs::ProgramError> {
    let handle = ebpf.program_mut(program.name()).ok_or(aya::programs::ProgramError::NotLoaded)?;
    match handle {
        aya::programs::Program::RawTracePoint(handle) => handle.load()?,
        aya::programs::Program::TracePoint(handle) => handle.load()?,
        _ => return Err(aya::programs::ProgramError::UnexpectedProgramType),
    }
    handle.fd()?.try_clone().map_err(aya::programs::ProgramError::IOError)
}

/// An error and its causes on one line, the verifier's log cut to its end, where it says what it dislikes.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    let text = text.replace('\n', " | ");
    if text.len() <= 2 * MESSAGE_BYTES {
        return text;
    }
    let head: String = text.chars().take(MESSAGE_BYTES).collect();
    let tail: Vec<char> = text.chars().rev().take(MESSAGE_BYTES).collect();
    let tail: String = tail.into_iter().rev().collect();
    format!("{head} … {tail}")
}

/// The descriptor of a map.
pub(super) fn descriptor(map: &aya::maps::Map) -> Option<BorrowedFd<'_>> {
    use aya::maps::Map;
    match map {
        Map::Array(data)
        | Map::HashMap(data)
        | Map::LpmTrie(data)
        | Map::LruHashMap(data)
        | Map::PerCpuArray(data)
        | Map::ProgramArray(data)
        | Map::RingBuf(data) => Some(data.fd().as_fd()),
        _ => None,
    }
}

/// What the kernel accounts for a map.
fn memlock(fd: BorrowedFd<'_>) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok())
}
