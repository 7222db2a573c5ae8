//! Policy into map values: what each detector may do and from when on. Also what a reload writes.

use core::error::Error;
use core::fmt;
use core::time::Duration;
use std::io;
use std::os::unix::ffi::OsStrExt as _;

use aya::maps::MapError;
use edge_abi::{
    Allow, Detector, FileTamperTuning, LateralScanTuning, Mode, Rule, SAMPLE_NS, VolatileExecTuning,
    rule_option,
};

use super::maps::Maps;
use super::watch::{self, Books};
use super::{Report, is_upper, listed, prefixes};
use crate::config::{Action, Config};
use crate::decide::detectors::{SPECS, Spec};

/// Writes the whole policy. Sets are replaced entry by entry, new ones first, so that nothing is unguarded in between.
///
/// # Errors
/// [`Refused`].
pub fn apply(maps: &mut Maps, config: &Config, report: &Report) -> Result<Books, Refused> {
    write_ports(maps, config)?;
    prefixes::write(maps, config)?;
    write_programs(maps, config)?;
    let mut books = watch::write(maps, config, |detector| is_upper(report, detector), false)?;
    books.listing = listed::write(maps, config, report.means.offsets, &mut books.lacking)?;
    for spec in SPECS {
        maps.rules.set(
            spec.detector as u32,
            bytemuck::cast::<_, [u8; size_of::<Rule>()]>(rule(config, spec, maps.in_cgroup)),
            0,
        )?;
    }
    super::egress::write(maps, config)?;
    super::majors::write(maps)?;
    let (files, scan, exec) = tunings(config);
    for (index, files) in (0..).zip([files, of_origin(config, files)]) {
        maps.file_tamper.set(index, bytemuck::cast::<_, [u8; size_of::<FileTamperTuning>()]>(files), 0)?;
    }
    maps.lateral_scan.set(0, bytemuck::cast::<_, [u8; size_of::<LateralScanTuning>()]>(scan), 0)?;
    maps.volatile_exec.set(0, bytemuck::cast::<_, [u8; size_of::<VolatileExecTuning>()]>(exec), 0)?;
    Ok(books)
}

/// Why a policy is not in force.
#[derive(Debug)]
pub enum Refused {
    /// The kernel refused a map update.
    Map(MapError),
    /// The sensor could not be asked to look.
    Look(io::Error),
    /// A table is too small for what is to be watched.
    Full {
        /// Which.
        table: &'static str,
        /// Entries wanted.
        used: usize,
        /// Entries there are.
        limit: usize,
    },
}

impl From<MapError> for Refused {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(error) => write!(out, "a map update was refused: {error}"),
            Self::Look(error) => write!(out, "the sensor cannot be asked to look: {error}"),
            Self::Full { table, used, limit } => {
                write!(out, "the table of {table} holds {limit} entries, {used} are configured")
            }
        }
    }
}

impl Error for Refused {}

/// The tuning of every detector.
#[must_use]
pub(super) fn tunings(config: &Config) -> (FileTamperTuning, LateralScanTuning, VolatileExecTuning) {
    let (files, scan, exec) =
        (&config.detectors.file_tamper, &config.detectors.lateral_scan, &config.detectors.volatile_exec);
    (
        FileTamperTuning {
            mode: mode(config, files.enabled, files.action) as u32,
            threshold: files.threshold,
            unlink_threshold: files.unlink_threshold,
            suspicion: files.suspicion,
            diversity: u32::from(files.diversity),
            reserved: 0,
            window_ns: files.window.as_nanos() as u64,
        },
        LateralScanTuning {
            mode: mode(config, scan.enabled, scan.action) as u32,
            hosts: scan.hosts,
            tries: scan.tries,
            reserved: 0,
            window_ns: scan.window.as_nanos() as u64,
        },
        VolatileExecTuning { mode: mode(config, exec.enabled, exec.action) as u32, reserved: 0 },
    )
}

/// The tuning by which a whole origin is judged: more files, in a longer time. Deletions alone are never a finding there, since
/// what cleans up all day does so.
fn of_origin(config: &Config, of_process: FileTamperTuning) -> FileTamperTuning {
    let files = &config.detectors.file_tamper;
    FileTamperTuning {
        threshold: files.origin_threshold,
        unlink_threshold: u32::MAX,
        window_ns: files.origin_window.as_nanos() as u64,
        ..of_process
    }
}

/// What a detector may do, under the master switch.
fn mode(config: &Config, enabled: bool, action: Action) -> Mode {
    if !enabled {
        return Mode::Off;
    }
    match config.permitted(action) {
        Action::Deny => Mode::Deny,
        Action::Kill => Mode::Kill,
        Action::Observe => Mode::Observe,
    }
}

/// Replaces the login ports.
fn write_ports(maps: &mut Maps, config: &Config) -> Result<(), MapError> {
    let wanted = &config.detectors.lateral_scan.ports;
    for &port in wanted {
        maps.login_ports.insert(u32::from(port), 1, 0)?;
    }
    let known: Vec<u32> = maps.login_ports.keys().collect::<Result<_, _>>()?;
    for port in known {
        if !wanted.iter().any(|&kept| u32::from(kept) == port) {
            maps.login_ports.remove(&port)?;
        }
    }
    Ok(())
}

/// Whether a cgroup program judges what it can see. It cannot kill: then files and paths are judged.
#[must_use]
pub(super) fn is_elsewhere(config: &Config, detector: Detector, in_cgroup: u32) -> bool {
    let act = config.act(detector);
    in_cgroup & detector.bit() != 0 && mode(config, act.enabled, act.action) != Mode::Kill
}

/// The rule of a detector of acts.
#[must_use]
pub(super) fn rule(config: &Config, spec: &Spec, in_cgroup: u32) -> Rule {
    let mut act = config.act(spec.detector);
    if spec.detector == Detector::ResourceHijack {
        act.threshold = samples(act.threshold, act.window);
    }
    let mode = mode(config, act.enabled, act.action);
    if is_elsewhere(config, spec.detector, in_cgroup) {
        act.option |= rule_option::ELSEWHERE;
    }
    Rule {
        mode: mode as u32,
        threshold: act.threshold,
        origin_threshold: act.threshold.saturating_mul(spec.origin_factor),
        option: act.option,
        window_ns: act.window.as_nanos() as u64,
    }
}

/// How many samples of one CPU are so many per cent of a window. The kernel side counts samples; at least one.
fn samples(percent: u32, window: Duration) -> u32 {
    let samples = window.as_nanos() * u128::from(percent) / 100 / u128::from(SAMPLE_NS);
    u32::try_from(samples).unwrap_or(u32::MAX).max(1)
}

/// Replaces the programs with a role. What runs already keeps what it was given until it ends.
fn write_programs(maps: &mut Maps, config: &Config) -> Result<(), MapError> {
    let own = own_place(config);
    for (hash, allow) in config.programs.iter().map(|program| (program.hash, program.allow)).chain(own) {
        maps.allow.insert(hash, bytemuck::cast::<_, [u8; size_of::<Allow>()]>(allow), 0)?;
    }
    let known: Vec<u64> = maps.allow.keys().collect::<Result<_, _>>()?;
    for hash in known {
        if !config.programs.iter().any(|program| program.hash == hash)
            && own.is_none_or(|(own, _)| own != hash)
        {
            maps.allow.remove(&hash)?;
        }
    }
    Ok(())
}

/// The file that this agent runs from, where no list names it: the next one from there is let pass like one from the usual place. Else what
/// stays in the kernel while no agent runs could keep it from ever running again.
fn own_place(config: &Config) -> Option<(u64, Allow)> {
    let exe = std::fs::read_link("/proc/self/exe").ok()?;
    let own = edge_abi::exe_hash(exe.as_os_str().as_bytes());
    let is_named = config.programs.iter().any(|program| program.hash == own);
    (!is_named).then(|| (own, config.allow_of(USUAL_PLACE)))
}

/// Where the agent is installed, as its lists name it.
const USUAL_PLACE: &[u8] = b"/usr/bin/edge-agent";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_at_another_place_is_let_pass_like_one_at_the_usual_place() {
        let (_, allow) = own_place(&Config::default()).unwrap();
        assert!(
            allow.own & Detector::CredentialAccess.bit() != 0
                && allow.flags & edge_abi::task_flags::GUARD != 0
        );
    }

    #[test]
    fn the_master_switch_holds_every_detector_back() {
        let mut config = Config::default();
        config.detectors.file_tamper.action = Action::Kill;
        config.detectors.lateral_scan.action = Action::Deny;
        let (files, scan, _) = tunings(&config);
        assert_eq!((files.mode, scan.mode), (Mode::Observe as u32, Mode::Observe as u32));
        config.policy.action = crate::config::Mode::Enforce;
        let (files, scan, exec) = tunings(&config);
        assert_eq!(
            (files.mode, scan.mode, exec.mode),
            (Mode::Kill as u32, Mode::Deny as u32, Mode::Observe as u32)
        );
        config.detectors.file_tamper.enabled = false;
        assert_eq!(tunings(&config).0.mode, Mode::Off as u32);
    }

    #[test]
    fn paths_are_left_to_the_cgroup_program_unless_the_policy_is_to_kill() {
        let mut config = Config::default();
        config.policy.action = crate::config::Mode::Enforce;
        let spec = &crate::decide::detectors::sysctl_tamper::SPEC;
        let bit = spec.detector.bit();
        let index = SPECS.iter().position(|one| one.detector == spec.detector).unwrap();
        for (action, here, there) in [
            (Action::Observe, 0, rule_option::ELSEWHERE),
            (Action::Deny, 0, rule_option::ELSEWHERE),
            (Action::Kill, 0, 0),
        ] {
            config.detectors.acts[index].action = action;
            assert_eq!((rule(&config, spec, 0).option, rule(&config, spec, bit).option), (here, there));
        }
    }

    #[test]
    fn windows_are_nanoseconds() {
        let (files, scan, _) = tunings(&Config::default());
        assert_eq!((files.window_ns, scan.window_ns), (10_000_000_000, 60_000_000_000));
    }

    #[test]
    fn a_share_of_the_processor_is_a_number_of_samples() {
        assert_eq!(samples(80, Duration::from_secs(300)), 2_400);
        assert_eq!(samples(100, Duration::from_secs(3_600)), 36_000);
        assert_eq!(samples(1, Duration::from_secs(1)), 1, "never none");
    }
}
