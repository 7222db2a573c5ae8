//! `lateral_scan`: a process that tries many hosts, or very often, on ports where one logs in.
//!
//! Technique: T1046 (network service discovery), T1021 (remote services), T1110 (brute force).
//! Hooks: `cgroup/connect4`, `connect6`, `sendmsg4`, `sendmsg6` (Linux 4.17/4.18), see `sensors/socket.rs`. Cover every ABI and
//! `io_uring`, cannot be raced (the address is the kernel's copy), and can refuse.
//! Record: [`edge_abi::LateralScanRecord`], 96 bytes.
//! Cost: one hash lookup per connect; two more and two bits only for login ports.
//! Blind to: raw sockets (a detector of their own); work spread over processes of several origins.
//!
//! Tries are counted per process and, at [`ORIGIN_FACTOR`] times the thresholds, for everything of one origin: a child process per host
//! is seen too. The first [`SHARE`] tries of each process count there, so that what one process does alone is told of it alone.

use edge_abi::{LateralScanTuning, ScanReason};

use super::{Report, pace};
use crate::window::{Turn, quarters, sliding, turn};

/// Words of the bitmap of destinations: 1,024 bits in 128 bytes. At 20 hosts it falls short by 0.2 on average.
const WORDS: usize = 16;

/// Thresholds of an origin, in multiples of a process's.
pub const ORIGIN_FACTOR: u32 = 3;

/// Tries of one process that count for its origin.
pub const SHARE: u32 = 8;

/// Set in the key of an origin's state, which stands in the same map: process ids stay below 2^22.
pub const ORIGIN_KEY: u32 = 1 << 31;

/// The tuning under which an origin is judged.
#[inline(always)]
#[must_use]
pub fn of_origin(tuning: &LateralScanTuning) -> LateralScanTuning {
    LateralScanTuning {
        hosts: tuning.hosts.saturating_mul(ORIGIN_FACTOR),
        tries: tuning.tries.saturating_mul(ORIGIN_FACTOR),
        ..*tuning
    }
}

/// What is remembered of one process; a value of the `SCANS` map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ScanState {
    /// Begin of the current window; 0 in a new state.
    start_ns: u64,
    /// First try counted in the sliding window.
    pub first_ns: u64,
    /// Destinations of the current window, one bit each.
    seen: [u64; WORDS],
    /// Distinct destinations of the current window.
    hosts: u32,
    /// Tries of the current window.
    tries: u32,
    /// Distinct destinations of the window before.
    previous_hosts: u32,
    /// Tries of the window before.
    previous_tries: u32,
    /// Port of the first try.
    port: u32,
    /// 1 when more than one port was tried.
    many_ports: u32,
    /// Count at which the next record is due; 0 before the first.
    report_at: u32,
    /// Findings held back since the last record.
    pub held: u32,
}

impl Default for ScanState {
    fn default() -> Self {
        Self::new()
    }
}

impl ScanState {
    /// Whether the last try taken in counts for the origin as well.
    #[inline(always)]
    #[must_use]
    pub fn shares(&self) -> bool {
        self.tries <= SHARE
    }

    /// Of a process nothing is known of.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            start_ns: 0,
            first_ns: 0,
            seen: [0; WORDS],
            hosts: 0,
            tries: 0,
            previous_hosts: 0,
            previous_tries: 0,
            port: 0,
            many_ports: 0,
            report_at: 0,
            held: 0,
        }
    }
}

/// One try towards a login port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// Hash of the destination address, see [`mix`].
    pub host: u32,
    /// Destination port, in host byte order.
    pub port: u16,
}

/// What the sliding window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanCounts {
    /// Distinct destinations.
    pub hosts: u32,
    /// Tries.
    pub tries: u32,
}

/// What became of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing to say.
    Quiet,
    /// A finding; a denying policy refuses this try.
    Finding(ScanReason, ScanCounts, Report),
}

/// Mixes an address into 32 well-spread bits (the finaliser of `MurmurHash3`), since neighbouring addresses differ in few.
#[inline(always)]
#[must_use]
pub fn mix(words: [u32; 4]) -> u32 {
    let [a, b, c, d] = words;
    let mut hash = a ^ b.rotate_left(9) ^ c.rotate_left(17) ^ d.rotate_left(25);
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Takes one try into the state and judges.
#[inline(always)]
pub fn observe(state: &mut ScanState, tuning: &LateralScanTuning, attempt: Try, now_ns: u64) -> Decision {
    match turn(&mut state.start_ns, now_ns, tuning.window_ns) {
        Turn::Same => {}
        Turn::Next => {
            state.previous_hosts = state.hosts;
            state.previous_tries = state.tries;
            state.hosts = 0;
            state.tries = 0;
            state.seen = [0; WORDS];
        }
        Turn::Fresh => {
            *state = ScanState { start_ns: now_ns, first_ns: now_ns, held: state.held, ..ScanState::new() };
            state.port = u32::from(attempt.port);
        }
    }
    state.tries += 1;
    state.many_ports |= u32::from(state.port != u32::from(attempt.port));
    let bit = 1_u64 << (attempt.host & 63);
    if let Some(word) = state.seen.get_mut((attempt.host >> 6) as usize & (WORDS - 1)) {
        state.hosts += u32::from(*word & bit == 0);
        *word |= bit;
    }

    let share = quarters(state.start_ns, now_ns, tuning.window_ns);
    let counts = ScanCounts {
        hosts: sliding(state.hosts, state.previous_hosts, share),
        tries: sliding(state.tries, state.previous_tries, share),
    };
    let reason = if counts.hosts >= tuning.hosts {
        if state.many_ports == 0 { ScanReason::Lateral } else { ScanReason::FanOut }
    } else if counts.tries >= tuning.tries {
        ScanReason::Guessing
    } else {
        return Decision::Quiet;
    };
    Decision::Finding(reason, counts, pace(&mut state.report_at, counts.tries))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUNING: LateralScanTuning =
        LateralScanTuning { mode: 1, hosts: 12, tries: 40, reserved: 0, window_ns: 60_000_000_000 };
    const SECOND: u64 = 1_000_000_000;

    fn ipv4(last: u32) -> u32 {
        mix([0x0a00_0000 | last, 0, 0, 0])
    }

    #[test]
    fn hosts_on_one_port_are_lateral_movement() {
        let mut state = ScanState::new();
        let mut stopped = 0;
        for host in 1..100 {
            let decision =
                observe(&mut state, &TUNING, Try { host: ipv4(host), port: 23 }, SECOND + u64::from(host));
            if let Decision::Finding(reason, counts, report) = decision {
                assert_eq!((reason, report), (ScanReason::Lateral, Report::Now));
                assert_eq!(counts.hosts, 12);
                stopped = host;
                break;
            }
        }
        assert_eq!(stopped, 12);
    }

    #[test]
    fn hosts_on_several_ports_are_a_scan() {
        let mut state = ScanState::new();
        let found = (1..50).find_map(|host| {
            let port = if host % 2 == 0 { 23 } else { 22 };
            match observe(&mut state, &TUNING, Try { host: ipv4(host), port }, SECOND) {
                Decision::Finding(reason, ..) => Some(reason),
                Decision::Quiet => None,
            }
        });
        assert_eq!(found, Some(ScanReason::FanOut));
    }

    #[test]
    fn many_tries_on_one_host_are_guessing() {
        let mut state = ScanState::new();
        let decisions: std::vec::Vec<_> = (0..40)
            .map(|n| observe(&mut state, &TUNING, Try { host: ipv4(1), port: 22 }, SECOND + n))
            .collect();
        assert!(decisions[..39].iter().all(|d| *d == Decision::Quiet));
        assert!(matches!(decisions[39], Decision::Finding(ScanReason::Guessing, _, Report::Now)));
    }

    #[test]
    fn a_config_push_to_five_hosts_is_quiet() {
        let mut state = ScanState::new();
        for host in 1..=5 {
            let attempt = Try { host: ipv4(host), port: 22 };
            assert_eq!(observe(&mut state, &TUNING, attempt, SECOND * u64::from(host)), Decision::Quiet);
        }
    }

    /// A child per host: each child makes one try, all count for the origin.
    #[test]
    fn a_process_per_host_is_seen_by_its_origin() {
        let (mut origin, tuning) = (ScanState::new(), of_origin(&TUNING));
        let found = (1..100).find(|host| {
            let attempt = Try { host: ipv4(*host), port: 23 };
            let mut child = ScanState::new();
            assert_eq!(observe(&mut child, &TUNING, attempt, SECOND), Decision::Quiet);
            assert!(child.shares());
            observe(&mut origin, &tuning, attempt, SECOND) != Decision::Quiet
        });
        assert!(matches!(found, Some(36..=38)), "{found:?}: the bitmap may take two hosts for one");
    }

    #[test]
    fn one_process_alone_does_not_use_up_its_origins_share() {
        let mut state = ScanState::new();
        let shared = (0..39).filter(|n| {
            observe(&mut state, &TUNING, Try { host: ipv4(1), port: 22 }, SECOND + n);
            state.shares()
        });
        assert_eq!(shared.count(), SHARE as usize);
    }

    #[test]
    fn patience_is_quiet() {
        let mut state = ScanState::new();
        for n in 0..500_u32 {
            let attempt = Try { host: ipv4(n % 250), port: 22 };
            // One every ten seconds: six or seven in a minute.
            assert_eq!(
                observe(&mut state, &TUNING, attempt, SECOND + u64::from(n) * 10 * SECOND),
                Decision::Quiet
            );
        }
    }

    #[test]
    fn the_bitmap_tells_neighbours_apart() {
        let mut state = ScanState::new();
        let tuning = LateralScanTuning { hosts: u32::MAX, tries: u32::MAX, ..TUNING };
        for host in 0..256 {
            observe(&mut state, &tuning, Try { host: ipv4(host), port: 23 }, SECOND);
        }
        // 1024·(1−(1−1/1024)^256) = 226 expected for a random hash.
        assert!((205..=256).contains(&state.hosts), "{} of 256", state.hosts);
    }

    #[test]
    fn ipv6_neighbours_differ_as_well() {
        let a = mix([0xfd00_0000, 0, 0, 1]);
        let b = mix([0xfd00_0000, 0, 0, 2]);
        assert_ne!(a & 1023, b & 1023);
    }
}
