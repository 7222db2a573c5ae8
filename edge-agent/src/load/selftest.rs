//! The self-test at start: a child of the agent does one harmless act for every detector, and the kernel side says which of them
//! it saw. Attached is not the same as awake: a hook can be there and never fire (a kernel built without it, a syscall table
//! that does not fit, a cgroup nobody is in).
//!
//! The child's acts count as `Probed` and as nothing else (see `PROBE` in `edge-ebpf/src/maps.rs`): they are no finding, whatever
//! the thresholds are, and nothing is killed or refused because of them.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;

use aya::maps::{MapData, MapError, PerCpuArray};
use edge_abi::{Counter, Detector, counter_slot};

use super::bait::Bait;
use super::maps::Maps;
use super::{acts, sys};
use crate::config::Config;

/// What the self-test showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Liveness {
    /// Detectors whose sensors reacted: bit `n` is detector number `n`.
    pub live: u32,
}

impl Liveness {
    /// Whether a detector's sensor reacted.
    #[must_use]
    pub const fn is_live(self, detector: Detector) -> bool {
        self.live & detector.bit() != 0
    }
}

/// Lets a child act and asks which detectors saw it. Needs an armed kernel side, since a detector that is off sees nothing.
///
/// # Errors
/// What the kernel says to a map update, or to a child.
pub(super) fn run(maps: &mut Maps, config: &Config) -> io::Result<Liveness> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let login_port = config.detectors.lateral_scan.ports.first().copied();
    // Connections from outside are tested on a port of our own; nobody is waited for, the kernel greets by itself.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let bait = Bait::lay(maps)?;
    let pid = sys::fork(|| {
        let mut start = [0];
        // Without the word to start, the agent has gone; then nothing is to be done either.
        if (&theirs).read_exact(&mut start).is_ok() {
            // Where only a cgroup is watched, only what happens in it is seen. Refused, it leaves the sensors silent.
            if !config.scope.cgroup.is_empty() {
                let _ = fs::write(Path::new(config.scope.cgroup.as_str()).join("cgroup.procs"), "0");
            }
            bait.take();
            acts::perform(login_port, port);
        }
    })?;
    let before = probed(&maps.counters);
    let told = set(maps, pid.cast_unsigned(), port);
    let started = told.and_then(|()| ours.write_all(&[1]));
    // Closes the child's only source of words, so that it ends even when it was never told to start.
    drop((ours, theirs));
    sys::reap(pid);
    bait.clear(maps);
    let cleared = set(maps, 0, 0);
    started.and(cleared)?;
    let after = probed(&maps.counters);
    let seen =
        Detector::ALL.iter().zip(before.iter().zip(&after)).filter(|(_, (before, after))| before != after);
    Ok(Liveness { live: seen.fold(0, |live, (detector, _)| live | detector.bit()) })
}

/// Tells the kernel side which process and port belong to the test.
fn set(maps: &mut Maps, tgid: u32, port: u16) -> io::Result<()> {
    maps.probe.set(1, u32::from(port), 0).map_err(io::Error::other)?;
    maps.probe.set(0, tgid, 0).map_err(io::Error::other)
}

/// How many probing acts each detector has seen so far.
fn probed(counters: &PerCpuArray<MapData, u64>) -> [u64; Detector::ALL.len()] {
    Detector::ALL.map(|detector| {
        let slot = counter_slot(detector, Counter::Probed);
        let values: Result<_, MapError> = counters.get(&slot, 0);
        values.map_or(0, |values| values.iter().fold(0_u64, |sum, value| sum.wrapping_add(*value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_those_of_the_detectors() {
        let liveness = Liveness { live: Detector::FileTamper.bit() | Detector::BusFlood.bit() };
        assert!(liveness.is_live(Detector::FileTamper) && liveness.is_live(Detector::BusFlood));
        assert!(!liveness.is_live(Detector::RawSocket));
        assert_eq!(Liveness::default().live, 0);
    }
}
