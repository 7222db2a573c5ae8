//! What detectors of acts make of an exec: first everything is judged, then each finding is reported by a program that jumps to
//! itself, so that the one call of [`apply`] is walked once by the verifier.

use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use edge_abi::{Detector, act_flags, prefix_verdict, reason, task_flags};
use edge_ebpf::detectors::fileless_exec::{self, Form, form};
use edge_ebpf::detectors::foreign_exec::{self, Origin};
use edge_ebpf::detectors::{Sighting, fetch_loop, masquerade, privilege_jump, shell_on_socket};
use edge_ebpf::path::{PathBuffer, at};

use super::drops;
use super::exec::{ExecJump, can_look, door, identify, jump, scratch};
use super::listed;
use super::object::{image, stdio};
use crate::emit::act::{Act, apply, enter, is_probe, rule};
use crate::maps::{EXEC_ACTS, ExecAct, ExecScratch};
use crate::task;
use edge_ebpf::count::Weight;

/// Judges.
#[tracepoint]
pub(crate) fn exec_acts(ctx: TracePointContext) -> u32 {
    if let Some(scratch) = scratch() {
        scratch.counts = [0, 0];
        let _ = judge(scratch);
        let [found, _] = scratch.counts;
        if found != 0 {
            jump(&ctx, ExecJump::Report);
        }
    }
    0
}

/// Reports one finding, then the next.
#[tracepoint]
pub(crate) fn exec_report(ctx: TracePointContext) -> u32 {
    if let Some(scratch) = scratch() {
        let [found, done] = scratch.counts;
        scratch.counts = [found, done + 1];
        let _ = report(scratch, done as usize & (EXEC_ACTS - 1));
        if done + 1 < found {
            jump(&ctx, ExecJump::Report);
        }
    }
    0
}

/// Adds a finding of the process itself.
#[inline(always)]
fn add(scratch: &mut ExecScratch, detector: Detector, sighting: Sighting, certain: bool, subject: u32) {
    let [found, _] = scratch.counts;
    if let Some(slot) = scratch.acts.get_mut(found as usize & (EXEC_ACTS - 1)) {
        *slot = ExecAct {
            value: sighting.value,
            subject,
            detector: detector as u8,
            reason: sighting.reason,
            flags: if certain { 0 } else { act_flags::CANDIDATE },
            before: u8::from(detector as u8 == Detector::PrivilegeJump as u8),
        };
    }
    scratch.counts = [found + 1, 0];
}

/// A sighting of nothing but its reason.
#[inline(always)]
fn plain(reason: u8) -> Sighting {
    Sighting { reason, value: 0, target: 0 }
}

/// Asks every detector.
#[inline(always)]
fn judge(scratch: &mut ExecScratch) -> Option<()> {
    let tgid = task::current_tgid();
    if is_probe(Detector::ShellOnSocket, tgid) {
        // What it executes is neither an interpreter nor a download tool; that it was asked about is what is tested.
        is_probe(Detector::FetchLoop, tgid);
        is_probe(Detector::FilelessExec, tgid);
        is_probe(Detector::ForeignExec, tgid);
    }
    let task = task::lookup(tgid)?;
    identify(scratch, tgid, task);
    let form = form(&scratch.path, &scratch.facts);
    let seen = scratch.flags_before & task_flags::FILE_JUDGED != 0;
    if !seen && let Some(sighting) = fileless_exec::judge(form) {
        add(scratch, Detector::FilelessExec, sighting, false, tgid);
    }
    let last = at(&scratch.path, scratch.length.wrapping_sub(1));
    if let Some(reason) = masquerade::program(&scratch.name, last) {
        add(scratch, Detector::Masquerade, plain(reason), true, tgid);
    }
    let flags = task.flags;
    if flags & (task_flags::INTERPRETER | task_flags::FETCHER) != 0 && stdio::can_look() {
        stdio::look(&mut scratch.peer);
    } else {
        (scratch.peer.descriptors, scratch.peer.pipes) = (0, [0; 2]);
    }
    let talks = if flags & task_flags::INTERPRETER != 0 {
        shell_on_socket::judge_descriptors(scratch.peer.descriptors)
    } else {
        None
    };
    if let Some(sighting) = talks {
        add(scratch, Detector::ShellOnSocket, sighting, true, tgid);
    } else if let Some(sighting) = shell_on_socket::judge(flags) {
        add(scratch, Detector::ShellOnSocket, sighting, false, tgid);
    }
    let [before, now] = scratch.uids;
    if let Some((sighting, certain)) = privilege_jump::judge(before, now, door(scratch.flags_before)) {
        add(scratch, Detector::PrivilegeJump, sighting, certain, tgid);
    }
    if !seen
        && rule(Detector::ForeignExec).is_some()
        && let Some((sighting, certain)) = foreign(scratch, form, task.exe_id)
    {
        add(scratch, Detector::ForeignExec, sighting, certain, tgid);
    }
    fetches(scratch, tgid, task.parent, flags);
    Some(())
}

/// Asks `foreign_exec`.
#[inline(always)]
fn foreign(scratch: &mut ExecScratch, form: Form, path: u64) -> Option<(Sighting, bool)> {
    let origin = origin(scratch, form);
    if form == Form::Own || !listed::is_active() {
        return foreign_exec::judge(origin);
    }
    let (mut device, mut inode) = (0, 0);
    if can_look() {
        let found = image::own();
        (device, inode) = (found.device, found.inode);
    }
    foreign_exec::judge_listed(origin, listed::program(device, inode, path), inode)
}

/// Whether the program is of the image.
#[inline(always)]
fn origin(scratch: &mut ExecScratch, form: Form) -> Origin {
    if form == Form::Own {
        // Judged when it was first executed.
        return Origin::Plain(prefix_verdict::IMAGE);
    }
    if form != Form::Path || scratch.path.first() != b'/' || scratch.facts.dotdot != 0 {
        return Origin::Unresolved;
    }
    let PathBuffer([head, _]) = &scratch.path;
    scratch.prefix.data = *head;
    Origin::Plain(task::verdict(&mut scratch.prefix))
}

/// Asks `fetch_loop`, and marks the parent of a download tool.
#[inline(always)]
fn fetches(scratch: &mut ExecScratch, tgid: u32, parent: u32, flags: u32) {
    if flags & (task_flags::FETCHER | task_flags::INTERPRETER) == 0 {
        return;
    }
    let Some(above) = task::lookup(parent) else { return };
    let fetch = fetch_loop::judge(flags, above.flags);
    if fetch.counts {
        above.flags |= task_flags::FETCHES;
        add(scratch, Detector::FetchLoop, plain(fetch_loop::reason(false)), true, parent);
    }
    let [input, output] = scratch.peer.pipes;
    if flags & task_flags::FETCHER != 0 && output != 0 {
        drops::note(output);
    }
    let same = flags & task_flags::INTERPRETER != 0 && input != 0 && drops::known(input).is_some();
    if same || fetch.piped {
        add(scratch, Detector::FetchLoop, plain(fetch_loop::reason(true)), same, tgid);
    }
}

/// Reports the finding in `slot`.
#[inline(always)]
fn report(scratch: &ExecScratch, slot: usize) -> Option<()> {
    let found = scratch.acts.get(slot)?;
    let detector = Detector::from_raw(found.detector)?;
    let rule = enter(detector, task::current_tgid())?;
    let mut act = Act::new(found.reason);
    act.flags = found.flags;
    act.value = found.value;
    act.object = scratch.facts.identity;
    if detector as u8 == Detector::ShellOnSocket as u8 && found.flags & act_flags::CANDIDATE == 0 {
        let peer = &scratch.peer;
        (act.family, act.protocol, act.port, act.address) =
            (peer.family, peer.protocol, peer.port, peer.address);
    }
    if detector as u8 == Detector::FetchLoop as u8 && found.reason == reason::PIPED {
        // One pipe is enough, however many downloads are.
        act.weight = Weight::Of(rule.threshold);
    }
    let path = if found.before != 0 {
        (&scratch.before, scratch.before_length)
    } else {
        (&scratch.path, scratch.length)
    };
    if found.before == 0 && scratch.path.first() != b'/' {
        act.flags |= act_flags::RELATIVE;
    }
    apply(detector, rule, found.subject, &act, Some(path));
    Some(())
}
