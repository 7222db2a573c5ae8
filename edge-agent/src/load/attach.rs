//! From a hook to what the kernel wants to hear: the type to load a program as, and the call that attaches it.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use aya::util::online_cpus;
use aya_obj::generated::{bpf_attach_type, bpf_prog_type};

use super::entry;
use super::image::Image;
use super::kernel::{self, Event, Kind};
use super::ladder::Choice;
use super::means::{self, Functions, Means};
use super::object::Plan;
use super::program::{CgroupPoint, Hook, Program, security_function};
use super::tracefs;

/// The raw tracepoint of all syscalls.
const SYSCALLS: &core::ffi::CStr = c"sys_enter";

/// What attaching needs to know.
pub(super) struct Attacher<'p> {
    /// What to load.
    pub plan: &'p Plan,
    /// How.
    pub means: Means,
    /// The kernel's functions.
    pub functions: &'p Functions<'p>,
    /// Programs and maps.
    pub image: &'p Image,
    /// The stands to be reached.
    pub choice: &'p Choice,
}

/// What keeps a program attached.
#[derive(Default)]
pub(super) struct Made {
    /// Links and perf events.
    pub links: Vec<OwnedFd>,
    /// What is not as good as it could be; mostly empty.
    pub note: String,
    /// Instructions that the verifier went through; 0 where the kernel does not tell.
    pub verified: u32,
}

/// Where a program failed.
pub(super) enum Failure {
    /// At its hook.
    Attach(String),
    /// At the verifier, or before.
    Load(String),
}

impl Attacher<'_> {
    /// Loads and attaches one program.
    pub(super) fn run(&self, program: Program) -> Result<Made, Failure> {
        let kind = self.kind(program).map_err(Failure::Load)?;
        let instructions = self.image.instructions(program.name());
        let instructions = instructions.ok_or_else(|| Failure::Load("not in the object".into()))?;
        let loaded = kernel::load(program.name(), kind, instructions, &self.image.licence);
        let loaded = loaded.map_err(|(error, said)| Failure::Load(format!("{error}: {said}")))?;
        let verified = kernel::verified(loaded.as_fd()).unwrap_or(0);
        let made = self.attach(program, kind, loaded.as_fd()).map_err(Failure::Attach)?;
        Ok(Made { verified, ..made })
    }

    /// What a program is loaded as.
    fn kind(&self, program: Program) -> Result<Kind, String> {
        let of = |kind: bpf_prog_type| Kind { program: kind as u32, ..Kind::default() };
        Ok(match program.base() {
            Hook::Cgroup(point) => cgroup_kind(point),
            Hook::Clock(_) => of(bpf_prog_type::BPF_PROG_TYPE_PERF_EVENT),
            Hook::Entry if self.means.entry => of(bpf_prog_type::BPF_PROG_TYPE_KPROBE),
            Hook::Entry => of(bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT),
            Hook::Security(name) if self.means.lsm => means::lsm_kind(self.functions, name)?,
            Hook::Security(_) => of(bpf_prog_type::BPF_PROG_TYPE_KPROBE),
            Hook::Tracepoint(..) => of(bpf_prog_type::BPF_PROG_TYPE_TRACEPOINT),
            Hook::Jump(..) => return Err("is jumped to by what is jumped to".into()),
        })
    }

    /// Attaches a loaded program.
    fn attach(&self, program: Program, kind: Kind, loaded: BorrowedFd<'_>) -> Result<Made, String> {
        let told = |error: io::Error| error.to_string();
        let made = |links: Vec<OwnedFd>| Made { links, ..Made::default() };
        let one = |link: io::Result<OwnedFd>| link.map(|link| made(vec![link])).map_err(told);
        match program.hook() {
            Hook::Cgroup(_) => {
                let cgroup = self.plan.cgroup.as_ref().ok_or("no cgroup to attach to")?;
                one(kernel::attach_cgroup(loaded, cgroup.directory.as_fd(), kind.attach))
            }
            Hook::Clock(period_ns) => {
                let cpus = online_cpus().map_err(|(_, error)| told(error))?;
                let event = |cpu| kernel::attach_event(loaded, Event::Clock { cpu, period_ns });
                cpus.into_iter().map(event).collect::<io::Result<_>>().map(made).map_err(told)
            }
            Hook::Entry if self.means.entry => {
                let probes = entry::attach(loaded, |class| self.choice.wants(class))?;
                let note = match probes.missing.as_slice() {
                    [] => String::new(),
                    missing => format!("syscalls without a handler to probe: {}", missing.join(", ")),
                };
                Ok(Made { links: probes.links, note, verified: 0 })
            }
            Hook::Entry => one(kernel::attach_raw(loaded, Some(SYSCALLS))),
            Hook::Jump(_, map, at) => {
                let map = self.image.map(map).ok_or("no map to jump through")?;
                kernel::place(map, at, loaded).map(|()| Made::default()).map_err(told)
            }
            Hook::Security(_) if self.means.lsm => one(kernel::attach_raw(loaded, None)),
            Hook::Security(name) => {
                let kind = means::kprobe_type()?;
                let name = CString::new(security_function(name)).map_err(|error| error.to_string())?;
                one(kernel::attach_event(loaded, Event::Function { kind, name: &name }))
            }
            Hook::Tracepoint(category, name) => {
                let id = tracefs::id(category, name).map_err(|error| error.to_string())?;
                one(kernel::attach_event(loaded, Event::Tracepoint(id)))
            }
        }
    }
}

/// How the program that tries the offsets is loaded: as one that can be run without being attached (Linux 5.10).
pub(super) fn kind_of_facts() -> Kind {
    Kind { program: bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT as u32, ..Kind::default() }
}

/// How a program is loaded for a place in a cgroup.
fn cgroup_kind(point: CgroupPoint) -> Kind {
    use bpf_attach_type as at;
    let (program, attach) = match point {
        CgroupPoint::Bind4 => (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at::BPF_CGROUP_INET4_BIND),
        CgroupPoint::Bind6 => (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at::BPF_CGROUP_INET6_BIND),
        CgroupPoint::Connect4 => {
            (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at::BPF_CGROUP_INET4_CONNECT)
        }
        CgroupPoint::Connect6 => {
            (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at::BPF_CGROUP_INET6_CONNECT)
        }
        CgroupPoint::Device => (bpf_prog_type::BPF_PROG_TYPE_CGROUP_DEVICE, at::BPF_CGROUP_DEVICE),
        CgroupPoint::Egress => (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SKB, at::BPF_CGROUP_INET_EGRESS),
        CgroupPoint::Sendmsg4 => (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at::BPF_CGROUP_UDP4_SENDMSG),
        CgroupPoint::Sendmsg6 => (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK_ADDR, at::BPF_CGROUP_UDP6_SENDMSG),
        CgroupPoint::SockCreate => {
            (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK, at::BPF_CGROUP_INET_SOCK_CREATE)
        }
        CgroupPoint::Sysctl => (bpf_prog_type::BPF_PROG_TYPE_CGROUP_SYSCTL, at::BPF_CGROUP_SYSCTL),
    };
    Kind { program: program as u32, attach: attach as u32, function: 0 }
}
