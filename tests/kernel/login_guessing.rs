//! `login_guessing` in a guest: many connections from one source to a login port are reported with the source; a few are not.

use crate::deed::{books, caught_anyhow, has, has_reason, quiet};
use crate::scene::{Policy, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "login_guessing";
/// Connections that make a finding: the default of `detectors.login_guessing.threshold`.
const CONNECTIONS: u64 = 20;

/// Connections from one address, reported at the threshold with that address and our port.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let act = "login_guessing.inbound --port 22 --tries 30 --source 127.0.0.9";
    let verdict = caught_anyhow(scene, NAME, act)?;
    has_reason(&verdict, "guessing")?;
    has(&verdict, "count", CONNECTIONS)?;
    let (source, port) =
        (verdict.at("/evidences/0/src_endpoint/ip"), verdict.at("/evidences/0/dst_endpoint/port"));
    if source != "127.0.0.9" || port != 22 {
        return Err(format!("source {source}, port {port}: {}", verdict.json).into());
    }
    books(scene)?;
    Ok(None)
}

/// A technician's few tries, and many connections to a port where nobody logs in.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(
        scene,
        &[
            "login_guessing.benign_few --port 2222 --source 127.0.0.10",
            "login_guessing.inbound --port 8080 --tries 60 --source 127.0.0.11",
        ],
    )?;
    Ok(None)
}
