//! Applies `new_egress` to where the current process goes, or on what it listens.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use edge_abi::{
    Counter, Detector, EGRESS_POOL, EgressKey, EgressPolicy, Known, Mode, Rule, egress_flags, egress_kind,
    program_id, reason, task_flags,
};
use edge_ebpf::detectors::new_egress::{Beat, Contact, Endpoint, anywhere, declares, twin};

use super::act::{Act, enter};
use super::count;
use super::place::{Place, apply, of_process};
use crate::clock::now_ns;
use crate::maps::{EGRESS, FRESH, KNOWN};
use crate::task;

/// The detector this file is about.
const DETECTOR: Detector = Detector::NewEgress;

/// What a destination that was never contacted starts with.
static NEW: Contact = Contact::new();

/// What is remembered of what was just learnt.
static LEARNT: Known = Known { last_ns: 0, count: 1, reserved: 0 };

/// Bits of a key's hash that tell findings of one process apart: few, so that a sweep does not push out what others count.
const TOLD_APART: u8 = 0xf;

/// Judges, learns, refuses and reports; whether it must be refused. `flags` are those of the act.
#[inline(always)]
pub(crate) fn refuse(place: &impl Place, endpoint: &Endpoint, listens: bool, flags: u8) -> bool {
    let tgid = place.tgid();
    let Some(rule) = enter(DETECTOR, tgid) else { return false };
    let Some(policy) = EGRESS.get(0) else { return false };
    if endpoint.is_nowhere() || (policy.flags & egress_flags::LOOPBACK == 0 && endpoint.is_local(listens)) {
        return false;
    }
    let (program, volatile) = task::lookup(tgid)
        .map_or((0, false), |task| (program_id(task.exe_id), task.flags & task_flags::VOLATILE != 0));
    let key = endpoint.key(program, listens);
    let now_ns = now_ns();
    let all = anywhere(&key);
    let pool = known(&all, now_ns);
    if pool.as_ref().is_some_and(|all| all.count >= EGRESS_POOL)
        || known(&key, now_ns).is_some()
        || twin(&key).is_some_and(|key| known(&key, now_ns).is_some())
        || is_declared(policy, program, listens, endpoint)
    {
        return false;
    }
    if now_ns < policy.learn_until_ns {
        // What was started from a place that is lost at a reboot is no part of the device.
        if !volatile {
            learn(&key, &all, pool);
        }
        return false;
    }
    tell(place, rule, policy, &key, endpoint, now_ns, flags)
}

/// Whether the policy declares it.
#[inline(always)]
fn is_declared(policy: &EgressPolicy, program: u32, listens: bool, endpoint: &Endpoint) -> bool {
    for declared in &policy.declared {
        if declared.kind == egress_kind::NONE {
            return false;
        }
        if declares(declared, program, listens, endpoint) {
            return true;
        }
    }
    false
}

/// What is remembered of a key; marks it as used.
#[inline(always)]
fn known(key: &EgressKey, now_ns: u64) -> Option<&'static mut Known> {
    let known = KNOWN.get_ptr_mut(key)?;
    // SAFETY: a value of a preallocated map stays mapped; a count lost between processors is learnt with the next network.
    let known = unsafe { &mut *known };
    known.last_ns = now_ns;
    Some(known)
}

/// Makes something known. A table without room is counted: what did not fit will be told once the table is frozen.
#[inline(always)]
fn learn(key: &EgressKey, all: &EgressKey, pool: Option<&mut Known>) {
    if KNOWN.insert(key, &LEARNT, u64::from(BPF_NOEXIST)).is_err() {
        count(DETECTOR, Counter::MapFull);
        return;
    }
    if let Some(pool) = pool {
        pool.count += 1;
    } else if KNOWN.insert(all, &LEARNT, u64::from(BPF_NOEXIST)).is_err() {
        count(DETECTOR, Counter::MapFull);
    }
}

/// Tells what is new: the first time, when it turns out to be a beacon, and whenever it is refused.
#[inline(always)]
fn tell(
    place: &impl Place,
    rule: &Rule,
    policy: &EgressPolicy,
    key: &EgressKey,
    endpoint: &Endpoint,
    now_ns: u64,
    flags: u8,
) -> bool {
    let listens = key.kind == egress_kind::LISTENER;
    let mut beat = None;
    let mut first = false;
    if let Some(contact) = FRESH.get_ptr_mut(key) {
        // SAFETY: a value of a preallocated map stays mapped; when it is recycled under our feet, one interval is wrong.
        let contact = unsafe { &mut *contact };
        if !listens {
            beat = contact.beat(now_ns, policy.beacon);
        }
    } else {
        first = true;
        let _ = FRESH.insert(key, &NEW, u64::from(BPF_ANY));
        if let Some(contact) = FRESH.get_ptr_mut(key) {
            // SAFETY: the same.
            let _ = unsafe { &mut *contact }.beat(now_ns, 0);
        }
    }
    if !first && beat.is_none() && !matches!(Mode::from_raw(rule.mode), Mode::Deny) {
        return false;
    }
    let mut act = Act::new(if listens { reason::LISTENER } else { reason::DESTINATION });
    act.total = 1;
    if let Some(Beat { connections, period_ns }) = beat {
        act.reason = reason::BEACON;
        act.total = connections;
        // The agent makes milliseconds of it: there is no division of 64 bits in the 32-bit ARM JIT.
        act.value = period_ns;
    }
    act.flags = flags;
    act.family = endpoint.family;
    act.protocol = endpoint.protocol;
    act.port = endpoint.port;
    act.address = endpoint.address;
    let mut window = of_process(DETECTOR, act.reason, place.tgid());
    let network = key.network.iter().fold(0, |hash, byte| hash ^ byte);
    window.object = (network ^ key.port as u8 ^ (key.port >> 8) as u8) & TOLD_APART;
    apply(place, DETECTOR, rule, &window, rule.threshold, &act).refused
}
