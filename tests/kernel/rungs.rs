//! On which rung each detector stands in a guest, and whether what is told agrees with it.
//!
//! No case says on which rung a detector ought to stand: it asks [`Scene::rung`], and expects what that rung claims.

use std::error::Error;

use crate::scene::Scene;
use edge_tests::said;

/// Rungs that a verdict may have beside its detector's own: the hooks of a cgroup stand beside the ladder, not on it, and a detector
/// may see one act there and another elsewhere.
const BESIDE: &[(&str, &str)] = &[("raw_socket", "cgroup")];

/// Whether a verdict of `detector`, which stands on `own`, may come from `rung`.
fn agrees(detector: &str, own: &str, rung: &str) -> bool {
    own == rung || (own != "off" && BESIDE.contains(&(detector, rung)))
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

    /// Checks that every verdict since a mark came from the rung that its agent's heartbeat names for its detector.
    pub(crate) fn rungs_agree(&mut self, mark: usize) -> Result<(), Box<dyn Error>> {
        let verdicts: Vec<_> =
            self.watch.since(mark).iter().filter(|line| said::is_verdict(line)).cloned().collect();
        for verdict in verdicts {
            let of_its_agent = |line: &&edge_tests::subscriber::Line| {
                said::is_heartbeat(line) && said::same_agent(line, &verdict)
            };
            let beat = match self.watch.since(0).iter().rev().find(of_its_agent) {
                Some(beat) => beat.clone(),
                None => self.last_heartbeat()?,
            };
            if !said::same_agent(&beat, &verdict) {
                return Err(format!("its agent never told its rungs: {}", verdict.json).into());
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
