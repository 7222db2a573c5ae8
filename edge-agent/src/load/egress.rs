//! What `new_egress` knows, into the kernel and out of it again.

use aya::maps::MapError;
use bytemuck::Zeroable as _;
use edge_abi::{
    Declared, Detector, EGRESS_DECLARED, EGRESS_KNOWN, EgressKey, EgressPolicy, Known, egress_flags,
    program_id,
};

use super::declared;
use super::maps::Maps;
use crate::clock::Now;
use crate::config::{self, Config};
use crate::learn::{self, Keeper, Learning, Learnt};

/// Tells the kernel side what earlier runs have learnt. What does not fit is told and left out. `beside`: beside what is known there, which
/// is newer.
///
/// # Errors
/// What the kernel says to a map update.
pub(super) fn restore(maps: &mut Maps, config: &Config, beside: bool) -> Result<Learnt, MapError> {
    let learnt = learn::load(&config.egress.state);
    maps.learning = Learning { before: learnt.time, since_ns: Now::read().boot_ns };
    for (key, count) in &learnt.entries {
        let known = Known { last_ns: 0, count: *count, reserved: 0 };
        let key = bytemuck::cast::<_, [u8; size_of::<EgressKey>()]>(*key);
        if beside && maps.known.get(&key, 0).is_ok() {
            continue;
        }
        maps.known.insert(key, bytemuck::cast::<_, [u8; size_of::<Known>()]>(known), 0)?;
    }
    Ok(learnt)
}

impl Maps {
    /// What is known by now, in order.
    fn learnt(&self, config: &Config) -> Learnt {
        let entry = |key: [u8; size_of::<EgressKey>()]| {
            let known: Known = bytemuck::try_pod_read_unaligned(&self.known.get(&key, 0).ok()?).ok()?;
            Some((bytemuck::try_pod_read_unaligned(&key).ok()?, known.count))
        };
        let entries = self.known.keys().map_while(Result::ok).filter_map(entry).collect();
        let time = self.learning.so_far(config.egress.learn, Now::read().boot_ns);
        Learnt { time: core::time::Duration::from_secs(time.as_secs()), entries: learn::tidy(entries) }
    }

    /// Takes out of the kernel's table what a pool covers, to make room. What cannot be removed stays.
    fn forget_all_but(&mut self, kept: &Learnt) {
        let known: Vec<_> = self.known.keys().map_while(Result::ok).collect();
        for key in known {
            let is_kept = bytemuck::try_pod_read_unaligned::<EgressKey>(&key)
                .is_ok_and(|key| kept.entries.binary_search_by_key(&key, |(kept, _)| *kept).is_ok());
            if !is_kept {
                let _ = self.known.remove(&key);
            }
        }
    }
}

/// Looks at what was learnt by now, makes room in the kernel's table, and writes the file when it is due. `ends`: the agent does.
pub fn keep(maps: &mut Maps, config: &Config, keeper: &mut Keeper, ends: bool) {
    if !config.act(Detector::NewEgress).enabled {
        return;
    }
    let (now, now_ns) = (maps.learnt(config), Now::read().boot_ns);
    maps.forget_all_but(&now);
    let (known, left_s) = (now.entries.len(), config.egress.learn.saturating_sub(now.time).as_secs());
    log::debug!("learn: known={known} of {EGRESS_KNOWN} left_s={left_s}");
    if known >= EGRESS_KNOWN as usize && left_s != 0 {
        log::warn!(
            "learn: the table of {EGRESS_KNOWN} is full, what does not fit will be told when learning is over"
        );
    }
    let path = config.egress.state.as_str();
    if path.is_empty() || !keeper.is_due(path, &now, now_ns, ends) {
        return;
    }
    match learn::save(path, &now) {
        Ok(()) => log::info!("learn: file={path} known={known} learnt_s={}", now.time.as_secs()),
        // Said once in a while, and tried again as seldom: a read-only place does not become writable by trying.
        Err(error) => log::error!("learn: file={path} not written, {error}"),
    }
    keeper.note(now, now_ns);
}

/// The policy besides the rule. `of_image`: what the manifest declares, in what room the configuration leaves.
#[must_use]
pub(super) fn policy(config: &Config, learning: Learning, of_image: &[Declared]) -> EgressPolicy {
    let egress = &config.egress;
    let mut policy = EgressPolicy::zeroed();
    policy.learn_until_ns = learning.until_ns(egress.learn);
    policy.beacon = config.act(Detector::NewEgress).option;
    policy.flags = if egress.loopback { egress_flags::LOOPBACK } else { 0 };
    let listeners = egress.listen.iter().map(|port| config::listener(*port));
    let all = egress.declare.iter().copied().chain(listeners).chain(of_image.iter().copied());
    for (slot, declared) in policy.declared.iter_mut().zip(all) {
        *slot = declared;
    }
    policy
}

/// Writes it. Not in one step: for the length of a copy, a declaration that is replaced may hold for neither.
///
/// # Errors
/// What the kernel says to a map update.
pub(super) fn write(maps: &mut Maps, config: &Config) -> Result<(), MapError> {
    let of_image = declared::declared(config);
    let declared = config.egress.declare.len() + config.egress.listen.len() + of_image.len();
    if declared > EGRESS_DECLARED {
        log::warn!(
            "load: {declared} ports and peers are declared, {EGRESS_DECLARED} fit; the last of the manifest are left out"
        );
    }
    let policy = policy(config, maps.learning, &of_image);
    maps.egress.set(0, bytemuck::cast::<_, [u8; size_of::<EgressPolicy>()]>(policy), 0)
}

/// By which of the names that a running program may have been started under it is known: the path that was executed is gone when the
/// agent comes later, and may have been a link or a script. The first when it is known by none.
#[must_use]
pub(super) fn identity(learnt: &Learnt, names: &[Vec<u8>]) -> u64 {
    let hashes = || names.iter().map(|name| edge_abi::exe_hash(name));
    let is_known = |hash: &u64| learnt.entries.iter().any(|(key, _)| key.program == program_id(*hash));
    hashes().find(is_known).or_else(|| hashes().next()).unwrap_or(0)
}

const _: () = assert!(size_of::<Declared>() == 40);

#[cfg(test)]
mod tests {
    use edge_abi::{egress_kind, exe_hash};

    use super::*;

    #[test]
    fn the_policy_holds_what_is_declared_and_the_time_left() {
        let source = "[detectors.new_egress]\nlearn = \"2h\"\nloopback = true\nlisten = [443, 22]\n\
                      declare = [\"udp *:123 /usr/sbin/ntpd\"]\n";
        let config = Config::parse(source.as_bytes(), "f").unwrap();
        let learning = Learning { before: core::time::Duration::from_secs(3_600), since_ns: 1_000 };
        let own = config::listener(8080);
        let policy = policy(&config, learning, &[own]);
        assert_eq!(policy.learn_until_ns, 3_600_000_000_000 + 1_000);
        assert_eq!((policy.beacon, policy.flags), (10, egress_flags::LOOPBACK));
        let kinds: Vec<_> = policy.declared.iter().map(|one| (one.kind, one.port)).take(5).collect();
        let listener = egress_kind::LISTENER;
        assert_eq!(
            kinds,
            [
                (egress_kind::ANYWHERE, 123),
                (listener, 22),
                (listener, 443),
                (listener, 8080),
                (egress_kind::NONE, 0)
            ]
        );
    }

    #[test]
    fn a_running_program_is_known_by_any_name_it_may_have() {
        let entry = |path: &[u8]| {
            (
                EgressKey {
                    program: program_id(exe_hash(path)),
                    kind: egress_kind::IPV4,
                    ..EgressKey::default()
                },
                1,
            )
        };
        let learnt = Learnt { entries: vec![entry(b"/opt/collect.py")], ..Learnt::default() };
        let names = [b"/usr/bin/python3.11".to_vec(), b"python3".to_vec(), b"/opt/collect.py".to_vec()];
        assert_eq!(identity(&learnt, &names), exe_hash(b"/opt/collect.py"));
        assert_eq!(identity(&learnt, &names[..2]), exe_hash(b"/usr/bin/python3.11"));
        assert_eq!(identity(&learnt, &[]), 0);
    }
}
