//! Loading and attaching, in the loader process (see `handover`): a choice of stands is tried, and made again one lower where it
//! does not hold.

use std::error::Error;
use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use edge_abi::{OFFSET_SLOTS, SyscallClass};
use edge_wire::DetectorId;

use super::attach::{self, Attacher, Failure};
use super::cgroup::Cgroup;
use super::facts::{self, Fact};
use super::image::Image;
use super::kernel;
use super::ladder::Choice;
use super::layouts::{Layouts, Standing};
use super::machine::Machine;
use super::means::{self, Functions, Means};
use super::packed::Object;
use super::program::Program;
use super::report::{Loading, MapCost, Reached, Report};
use super::tracefs;
use crate::config::Ceiling;

/// Longest error message passed on: so much of its beginning, and of its end, where the verifier says what it dislikes.
const MESSAGE_CHARS: usize = 240;

/// The program that reads through offsets what the agent knows otherwise (see `facts`). It is run once and never attached.
pub(super) const FACTS: &str = "facts";

/// What to load.
#[derive(Debug)]
pub(super) struct Plan {
    /// The detectors that are to run.
    pub detectors: Vec<DetectorId>,
    /// Programs that cannot be used here.
    pub excluded: Vec<Program>,
    /// The highest rung allowed.
    pub ceiling: Ceiling,
    /// Where members of kernel structs lie, for a kernel without BTF.
    pub offsets_file: Option<PathBuf>,
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
    /// Entries that the list of the image must have room for; 0 without one.
    pub listed: u32,
    /// Offset of the old state in `inet_sock_set_state`; 0 when unknown.
    pub sock_state: u32,
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

/// What keeps the kernel side alive.
#[derive(Default)]
pub(super) struct Loaded {
    /// The maps, in the report's order.
    pub maps: Vec<OwnedFd>,
    /// What keeps programs attached.
    pub links: Vec<OwnedFd>,
}

/// Loads and attaches what is wanted. Programs stay attached as long as the descriptors live.
pub(super) fn load(plan: &Plan) -> (Loaded, Report) {
    let start = Instant::now();
    let (loaded, mut report) = try_stands(plan);
    report.took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    (loaded, report)
}

/// Tries the highest stands, then lower ones where they do not hold.
fn try_stands(plan: &Plan) -> (Loaded, Report) {
    let failed = |failure: String| (Loaded::default(), Report { failure, ..Report::default() });
    let object = match Object::unpack() {
        Ok(object) => object,
        Err(why) => return failed(why.into_owned()),
    };
    let functions = means::functions();
    let names: Vec<&str> = functions.iter().map(String::as_str).collect();
    let layouts = Layouts::read(plan.offsets_file.as_deref(), &names);
    let functions = Functions::new(&functions, &layouts.functions);
    let (mut means, mut lacks) = means::find(plan.ceiling, plan.machine, &functions);
    // Tried as if they were right.
    means.offsets = true;
    let base = Attempt { plan, object: object.bytes(), layouts: &layouts, functions: &functions, means };
    let standing = match Standing::untried(&layouts) {
        Some(standing) => standing,
        None => Standing::of(&layouts, base.try_layouts()),
    };
    (means.offsets, lacks.offsets) = (standing.is_sane(), standing.problem.clone());
    let mut choice = Choice::new(&plan.detectors, means, &lacks);
    loop {
        let attempt = Attempt { means, ..base };
        let (loaded, mut report) = match attempt.run(&choice) {
            Ok(done) => done,
            Err(why) => return failed(shorten(&why)),
        };
        if means.entry
            && let Some(why) =
                report.failure_of(Program::SysEnter).filter(|_| report.tried(Program::SysEnter))
        {
            (means.entry, lacks.entry) = (false, why);
            choice = Choice::new(&plan.detectors, means, &lacks);
        } else if !choice.fall(&report, means, &lacks) {
            report.reaches = choice.reaches();
            report.standing = standing;
            return (loaded, report);
        }
    }
}

/// One try to load what stands chosen need.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    /// What is wanted.
    plan: &'a Plan,
    /// The object.
    object: &'a [u8],
    /// Where members of kernel structs lie.
    layouts: &'a Layouts,
    /// The kernel's functions.
    functions: &'a Functions<'a>,
    /// By what means.
    means: Means,
}

impl Attempt<'_> {
    /// Makes the maps, loads the programs, attaches them.
    fn run(&self, choice: &Choice) -> Result<(Loaded, Report), String> {
        let Self { plan, means, .. } = *self;
        let mut programs = choice.programs();
        programs.retain(|program| !plan.excluded.contains(program));
        let image = self.image(&programs, |class| choice.wants(class))?;
        let attacher = Attacher { plan, means, functions: self.functions, image: &image, choice };
        let mut report = Report { means, listed: plan.listed, ..Report::default() };
        // In the order in which they are closed when the agent is killed.
        let (mut links, mut followers) = (Vec::new(), Vec::new());
        for program in programs {
            let start = Instant::now();
            let mut verified = 0;
            let reached = match attacher.run(program) {
                Ok(made) => {
                    verified = made.verified;
                    if !made.links.iter().all(kernel::is_link) {
                        report.fleeting.push(program);
                    }
                    if program.follows() { &mut followers } else { &mut links }.extend(made.links);
                    report.notes.extend((!made.note.is_empty()).then_some(made.note));
                    Reached::Attached
                }
                Err(Failure::Load(why)) => Reached::Refused(shorten(&why)),
                Err(Failure::Attach(why)) => Reached::Loaded(shorten(&why)),
            };
            report.programs.push((program, reached));
            let ms = u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX);
            report.each.push(Loading { ms, verified });
        }
        links.append(&mut followers);
        let (names, maps): (Vec<_>, Vec<_>) = image.maps.into_iter().unzip();
        let cost = |(name, map): (String, &OwnedFd)| MapCost { name, bytes: memlock(map).unwrap_or(0) };
        report.maps = names.into_iter().zip(&maps).map(cost).collect();
        Ok((Loaded { maps, links }, report))
    }

    /// Reads through the offsets what is known otherwise. The program and its maps end here.
    fn try_layouts(&self) -> Result<Vec<Fact>, String> {
        let image = self.image(&[], |_| false)?;
        let instructions = image.instructions(FACTS).ok_or("not in the object")?;
        let kind = attach::kind_of_facts();
        let program = kernel::load(FACTS, kind, instructions, &image.licence)
            .map_err(|(error, said)| shorten(&format!("{error}: {said}")))?;
        let map = image.map("FACTS").ok_or("no map for them")?;
        facts::run(program.as_fd(), map, &self.layouts.places).map_err(|error| error.to_string())
    }

    /// The object with its globals set for these programs and syscalls.
    fn image(&self, programs: &[Program], wants: impl Fn(SyscallClass) -> bool) -> Result<Image, String> {
        let plan = self.plan;
        let syscalls = plan.machine.syscalls(wants);
        let arguments = words(&plan.machine.argument_offsets());
        let number = if self.means.entry { plan.machine.number_offset() } else { 0 };
        let scope = plan.cgroup.as_ref().filter(|_| plan.scoped);
        let (depth, id) = scope.map_or((0, 0), |cgroup| (cgroup.depth + 1, cgroup.id));
        // What is not known for sure is not there.
        let offsets = if self.means.offsets { self.layouts.places.offsets } else { [0; OFFSET_SLOTS] };
        let [of_lsm, of_security] = self.layouts.setattr_dentry;
        let setattr_dentry = if self.means.lsm { of_lsm } else { of_security };
        let sock_create = plan.cgroup.is_some() && programs.contains(&Program::SockCreate);
        Image::new(
            self.object,
            plan.listed,
            &[
                ("SYSCALLS", &syscalls),
                ("ARG_OFFSETS", &arguments),
                ("REGISTERS_32", &plan.machine.registers_32().to_ne_bytes()),
                ("COMPAT_OFFSET", &plan.machine.compat_offset().to_ne_bytes()),
                ("SYSCALL_NUMBER", &number.to_ne_bytes()),
                ("DENIES", &u32::from(self.means.lsm).to_ne_bytes()),
                ("SETATTR_DENTRY", &setattr_dentry.to_ne_bytes()),
                ("SCOPE_DEPTH", &depth.to_ne_bytes()),
                ("SCOPE_ID", &id.to_ne_bytes()),
                ("EXEC_FILENAME", &plan.exec_filename.to_ne_bytes()),
                ("FORK_CHILD", &plan.fork_child.to_ne_bytes()),
                ("SIGNAL_FIELDS", &words(&plan.signal_fields)),
                ("SOCK_STATE", &plan.sock_state.to_ne_bytes()),
                ("SOCK_CREATE", &u32::from(sock_create).to_ne_bytes()),
                ("OFFSETS", bytemuck::cast_slice(&offsets)),
            ],
        )
    }
}

/// Words as the bytes of a global.
fn words(words: &[u32; 4]) -> [u8; 16] {
    bytemuck::cast(*words)
}

/// An error and its causes on one line.
pub(super) fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// A message on one line, its middle left out when it is long.
fn shorten(text: &str) -> String {
    let text = text.trim_end().replace('\n', " | ");
    if text.chars().count() <= 2 * MESSAGE_CHARS {
        return text;
    }
    let head: String = text.chars().take(MESSAGE_CHARS).collect();
    let tail: Vec<char> = text.chars().rev().take(MESSAGE_CHARS).collect();
    let tail: String = tail.into_iter().rev().collect();
    format!("{head} … {tail}")
}

/// What the kernel accounts for a map.
fn memlock(map: &OwnedFd) -> Option<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", map.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("memlock:")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_keep_both_ends() {
        assert_eq!(shorten("a\nb\n"), "a | b");
        let long = format!("begin{}end", "x".repeat(1000));
        let short = shorten(&long);
        assert!(short.starts_with("begin") && short.ends_with("end"), "{short}");
        assert_eq!(short.chars().count(), 2 * MESSAGE_CHARS + 3);
    }
}
