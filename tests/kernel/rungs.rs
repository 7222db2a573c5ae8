//! On which rung each detector stands in a guest, and whether what is told agrees with it.
//!
//! No case says on which rung a detector ought to stand: it asks [`Scene::rung`], and expects what that rung claims.

use std::error::Error;

use crate::scene::Scene;
use edge_tests::said;

/// Rungs that a verdict may have beside its detector's own: the hooks of a cgroup stand beside the ladder, not on it, who has become
/// root is seen as soon as it runs something, whether or not a hook is to refuse that, and so are signals where no hook can refuse them;
/// that a socket begins to listen is told by its state; that a descriptor is duplicated by a hook of its own, where there are any.
const BESIDE: &[(&str, &str)] = &[
    ("raw_socket", "cgroup"),
    ("privilege_jump", "tracepoint"),
    ("impair_defenses", "tracepoint"),
    ("new_egress", "tracepoint"),
    ("shell_on_socket", "lsm"),
];

/// Detectors whose cgroup program has sensors of files or paths beside it: those see what is no device or setting, and judge in its place
/// where policy kills, which a cgroup program cannot.
const BOTH: &[&str] = &["device_tamper", "sysctl_tamper"];

/// Detectors that judge some of their acts at a hook of their rung and others where a syscall begins, which may be a kprobe.
const AT_SYSCALLS: &[&str] = &[
    "bus_flood",
    "device_tamper",
    "fetch_loop",
    "file_tamper",
    "masquerade",
    "namespace_escape",
    "process_injection",
    "raw_socket",
    "shell_on_socket",
];

/// Those that have findings of the agent's own look at `/proc`, too.
const LOOKED: [&str; 2] = ["masquerade", "privilege_jump"];

/// Whether a verdict of `detector`, which stands on `own`, may come from `rung`.
fn agrees(detector: &str, own: &str, rung: &str) -> bool {
    own == rung
        || (own != "off" && BESIDE.contains(&(detector, rung)))
        || (own != "off" && rung == "proc" && LOOKED.contains(&detector))
        || (own == "cgroup" && BOTH.contains(&detector))
        || (matches!(own, "lsm" | "tracepoint") && rung == "kprobe" && AT_SYSCALLS.contains(&detector))
}

impl Scene {
    /// The rung that the running agent's last heartbeat names for a detector: `off`, `tracepoint`, `cgroup`, `kprobe` or `lsm`.
    pub(crate) fn rung(&mut self, detector: &str) -> Result<String, Box<dyn Error>> {
        let beat = self.last_heartbeat()?;
        Ok(said::rung_of(&beat, detector)?.to_owned())
    }

    /// Whether a detector knows files by what they are, not by how they are called.
    pub(crate) fn knows_files(&mut self, detector: &str) -> Result<bool, Box<dyn Error>> {
        let rung = self.rung(detector)?;
        Ok(matches!(rung.as_str(), "kprobe" | "lsm"))
    }

    /// Checks that every verdict since a mark came from the rung that its agent's heartbeat names for its detector. An agent that was
    /// stopped before its first heartbeat cannot be asked.
    pub(crate) fn rungs_agree(&mut self, mark: usize) -> Result<(), Box<dyn Error>> {
        let verdicts: Vec<_> =
            self.watch.since(mark).iter().filter(|line| said::is_verdict(line)).cloned().collect();
        let is_up = self.runs();
        for verdict in verdicts {
            let of_its_agent = |line: &&edge_tests::subscriber::Line| {
                said::is_heartbeat(line) && said::same_agent(line, &verdict)
            };
            let beat = match self.watch.since(0).iter().rev().find(of_its_agent) {
                Some(beat) => beat.clone(),
                None if is_up => self.last_heartbeat()?,
                None => continue,
            };
            if !said::same_agent(&beat, &verdict) {
                continue;
            }
            let (detector, rung) = said::detector_and_rung(&verdict)?;
            let own = said::rung_of(&beat, detector)?;
            if !agrees(detector, own, rung) {
                return Err(format!(
                    "{detector} stands on {own}, its verdict came from {rung}: {}",
                    verdict.json
                )
                .into());
            }
        }
        Ok(())
    }
}
