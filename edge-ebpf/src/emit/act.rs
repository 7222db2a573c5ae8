//! From an act of a process to a record: rule, trust, count, action, ring. The same for every detector of acts and rung.

use aya_ebpf::bindings::BPF_NOEXIST;
use edge_abi::{
    ActRecord, Counter, Detector, Mode, Outcome, PATH_BYTES, Rule, WindowKey, act_flags, task_flags,
};
use edge_ebpf::count::{Tally, Weight, WindowState, observe, threshold};
use edge_ebpf::detectors::Report;
use edge_ebpf::path::PathBuffer;

use super::{Times, count, header, join, kill, reserve, submit};
use crate::blur::{blur, blur_bool};
use crate::clock::now_ns;
use crate::maps::{PROBE, RULES, WINDOWS};
use crate::{globals, task};

/// What a new subject starts with.
static NEW: WindowState = WindowState::new();

/// No path.
pub(crate) static NO_PATH: PathBuffer = PathBuffer([[0; edge_abi::PREFIX_BYTES]; 2]);

/// One act, as a detector describes it. What does not apply stays as in [`Act::new`].
#[derive(Clone, Copy)]
pub(crate) struct Act {
    /// One of [`edge_abi::reason`].
    pub(crate) reason: u8,
    /// [`act_flags`].
    pub(crate) flags: u8,
    /// How much it counts.
    pub(crate) weight: Weight,
    /// How many acts a record tells of; 0: as many as were counted in the window.
    pub(crate) total: u32,
    /// The reason's number.
    pub(crate) value: u64,
    /// The other process.
    pub(crate) target: u32,
    /// 4, 6 or 0.
    pub(crate) family: u8,
    /// IP protocol number.
    pub(crate) protocol: u8,
    /// Port in host byte order.
    pub(crate) port: u16,
    /// Address in network order.
    pub(crate) address: [u32; 4],
    /// Number of the file system that the path is one of; 0 when it is a path like any other.
    pub(crate) device: u32,
    /// Hash of what it was done to; acts on different objects are told one by one.
    pub(crate) object: u32,
}

impl Act {
    /// An act that counts one.
    #[inline(always)]
    pub(crate) const fn new(reason: u8) -> Self {
        Self {
            reason,
            flags: 0,
            weight: Weight::Of(1),
            total: 0,
            value: 0,
            target: 0,
            family: 0,
            protocol: 0,
            port: 0,
            address: [0; 4],
            device: 0,
            object: 0,
        }
    }
}

/// The rule of a detector, unless it is off.
#[inline(always)]
pub(crate) fn rule(detector: Detector) -> Option<&'static Rule> {
    let rule = RULES.get(detector as u32)?;
    (!matches!(Mode::from_raw(rule.mode), Mode::Off)).then_some(rule)
}

/// Whether `tgid` tests the sensors: its acts show that a detector is reached, and are nothing else.
#[inline(always)]
pub(crate) fn is_probe(detector: Detector, tgid: u32) -> bool {
    let probes = PROBE.get(0).is_some_and(|probe| *probe == tgid && tgid != 0);
    if probes {
        count(detector, Counter::Probed);
    }
    probes
}

/// Whether the acts of this detector are judged at security hooks, and other hooks leave them alone.
#[inline(always)]
pub(crate) fn is_at_hooks(detector: Detector) -> bool {
    PROBE.get(2).is_some_and(|detectors| *detectors & detector.bit() != 0)
}

/// The same for a port of this machine, where no process can be told.
#[inline(always)]
pub(crate) fn is_probe_port(detector: Detector, port: u16) -> bool {
    let probes = port != 0 && PROBE.get(1).is_some_and(|probe| *probe == u32::from(port));
    if probes {
        count(detector, Counter::Probed);
    }
    probes
}

/// Whether the program of `tgid` may do this.
#[inline(always)]
pub(crate) fn is_allowed(detector: Detector, tgid: u32) -> bool {
    task::lookup(tgid).is_some_and(|task| task.allow & detector.bit() != 0)
}

/// The rule under which an act of the current process is judged; `None` when nobody asks, or it may do this.
#[inline(always)]
pub(crate) fn enter(detector: Detector, tgid: u32) -> Option<&'static Rule> {
    let rule = rule(detector)?;
    count(detector, Counter::Evidence);
    if is_probe(detector, tgid) {
        return None;
    }
    if is_allowed(detector, tgid) {
        count(detector, Counter::Trusted);
        return None;
    }
    Some(rule)
}

/// The state behind a key, made now if there is none.
#[inline(always)]
pub(super) fn state(detector: Detector, key: &WindowKey) -> Option<&'static mut WindowState> {
    let state = WINDOWS.get_ptr_mut(key).or_else(|| {
        // Whoever made it first wins; that entry is then found.
        let _ = WINDOWS.insert(key, &NEW, u64::from(BPF_NOEXIST));
        WINDOWS.get_ptr_mut(key)
    });
    let Some(state) = state else {
        count(detector, Counter::MapFull);
        return None;
    };
    // SAFETY: a value of a preallocated map stays mapped; counts lost between threads are accepted (see `file_tamper`).
    Some(unsafe { &mut *state })
}

/// Counts, acts and reports an act of the current process. Whether a rung that can must refuse it.
#[inline(always)]
pub(crate) fn apply(
    detector: Detector,
    rule: &Rule,
    tgid: u32,
    act: &Act,
    path: Option<(&PathBuffer, u32)>,
) -> bool {
    let key = WindowKey {
        subject: tgid,
        detector: detector as u8,
        reason: act.reason,
        kind: 0,
        object: if rule.threshold <= 1 { act.object as u8 } else { 0 },
    };
    let now_ns = now_ns();
    let Some(least) = threshold(rule, false) else { return false };
    let Some(mut kept) = state(detector, &key) else { return false };
    let mut tally = observe(kept, least, rule.window_ns, act.weight, now_ns);
    let mut of_origin = 0;
    // What a process spreads over children is counted for all of them together.
    if let Tally::Quiet = tally
        && let Some(least) = threshold(rule, true)
        && let Some(origin) = task::lookup(tgid).map(|task| task.origin).filter(|origin| *origin != 0)
    {
        let key = WindowKey { subject: origin, kind: 1, ..key };
        let Some(all) = state(detector, &key) else { return false };
        kept = all;
        tally = observe(kept, least, rule.window_ns, act.weight, now_ns);
        of_origin = act_flags::ORIGIN;
    }
    let Tally::Finding(counted, report) = tally else { return false };
    let holds = blur_bool(matches!(report, Report::Hold), tgid);
    let of_origin = blur(of_origin.into(), tgid) as u8;
    count(detector, Counter::Findings);
    let mode = Mode::from_raw(rule.mode);
    let certain = act.flags & act_flags::CANDIDATE == 0;
    let denied = blur_bool(certain && matches!(mode, Mode::Deny) && act.flags & DENIES != 0, tgid);
    let outcome = if denied {
        count(detector, Counter::Enforced);
        Outcome::Denied
    } else if certain {
        kill(detector, mode, tgid)
    } else {
        Outcome::Reported
    };
    if holds {
        kept.held += 1;
        count(detector, Counter::Held);
        return denied;
    }
    let findings = kept.held + 1;
    let (path, path_len) = path.unwrap_or((&NO_PATH, 0));
    let cut = if path_len as usize >= PATH_BYTES - 1 { act_flags::CUT } else { 0 };
    let origin = match task::lookup(tgid) {
        Some(task) => {
            task.flags |= task_flags::REPORTED;
            task.origin
        }
        None => 0,
    };
    let Some(mut record) = reserve::<ActRecord>(detector) else {
        return denied;
    };
    record.write(ActRecord {
        header: header(detector, mode, outcome, Times { now_ns, first_ns: kept.first_ns }, findings),
        reason: act.reason,
        flags: act.flags & !DENIES | cut | of_origin,
        port: act.port,
        count: counted,
        window_ns: rule.window_ns,
        value: act.value,
        target: act.target,
        origin,
        family: act.family,
        protocol: act.protocol,
        path_len: path_len as u16,
        device: act.device,
        address: address(act.address),
        path: join(path.0),
    });
    submit(detector, record);
    kept.held = 0;
    denied
}

/// Of [`Act::flags`]: the hook can refuse. Not part of a record.
pub(crate) const DENIES: u8 = 1 << 7;

/// What [`Act::flags`] says of a security hook: the rung, and whether it can refuse.
#[inline(always)]
pub(crate) fn of_hook() -> u8 {
    if globals::denies() != 0 { DENIES | act_flags::LSM } else { act_flags::KPROBE }
}

/// The words of an address, already in network order, as bytes.
#[inline(always)]
pub(super) fn address(words: [u32; 4]) -> [u8; 16] {
    // SAFETY: four words have the size of sixteen bytes, and every byte is valid.
    unsafe { core::mem::transmute(words) }
}
