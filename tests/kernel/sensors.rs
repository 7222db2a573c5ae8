//! That every sensor is awake, and on which rung each detector stands: what `docs/kernels.md` is made of.

use std::path::{Path, PathBuf};

use crate::scene::{Policy, SOON, Scene, WHILE, asked_rung};
use edge_tests::said;
use edge_tests::trials::Outcome;
use edge_tests::vm::{Arch, Kernel};
use serde_json::{Value, json};

/// Where `cargo xtask test` wants what each guest reported.
const RESULTS: &str = "EDGE_RESULTS_DIR";
/// A configuration with every detector on.
const EVERYTHING: &str = "[device]\nid = \"everything\"\n[detectors.foreign_exec]\nenabled = true\n[detectors.new_egress]\nenabled = true\n";

/// A sensor that does not answer the self-test, or a detector that has none, and why that is right.
struct Silent {
    /// The detector.
    detector: &'static str,
    /// On which architecture; everywhere if none is named.
    arch: Option<Arch>,
    /// On which kernel; on every one if none is named.
    kernel: Option<Kernel>,
    /// Why.
    why: &'static str,
}

/// Every exception. A row whose sensor answers after all fails the case, so that none stays longer than it is true.
const SILENT: &[Silent] = &[];

/// The sensor of every detector reacts to the self-test, in `check` and in the running agent, and both name the same rung.
pub(crate) fn every_sensor_live(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let beat = scene.last_heartbeat()?;
    let rung = asked_rung().map_or_else(String::new, |rung| format!("[load]\nrung = \"{rung}\"\n"));
    let everything = format!("{EVERYTHING}{rung}");
    scene
        .run(&format!("printf '{everything}' >/run/everything.toml; chmod 644 /run/everything.toml"), SOON)?;
    let text = scene.run("edge-agent check --json --config /run/everything.toml", WHILE)?;
    let check: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    let detectors = check.get("detectors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if detectors.len() < 26 {
        return Err(format!("check lists {} detectors: {text}", detectors.len()).into());
    }
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    for detector in detectors {
        let name = detector["name"].as_str().unwrap_or_default();
        let (sensor, rung) = (detector["sensor"].as_str().unwrap_or_default(), detector["rung"].as_str());
        let excused = SILENT.iter().find(|row| {
            row.detector == name
                && row.arch.is_none_or(|arch| arch == scene.arch)
                && row.kernel.is_none_or(|kernel| kernel == scene.kernel)
        });
        match (sensor, excused) {
            ("live", None) => {}
            ("live", Some(row)) => problems.push(format!("{name} is live, but excused: {}", row.why)),
            (_, Some(row)) => notes.push(format!("{name}: {}", row.why)),
            _ => problems.push(format!("{name} on {rung:?} says `{sensor}` to the self-test")),
        }
        let running = said::health_of(&beat, name);
        if let Ok(health) = running
            && health["rung"] != "off"
            && (health["rung"].as_str() != rung || health["live"] != true)
            && excused.is_none()
        {
            problems.push(format!("{name} is {rung:?} in `check`, but the agent runs it as {health}"));
        }
    }
    if !problems.is_empty() {
        return Err(problems.join("; ").into());
    }
    let version = scene.run("uname -v", SOON)?;
    write(scene, &check, &version)?;
    let told = |key| check.get(key).unwrap_or(&Value::Null);
    let (maps, peak) = (told("map_bytes"), told("loader_peak_kib"));
    Ok(Some(format!(
        "{} sensors live, maps {maps} bytes, loader's peak {peak} KiB; without: {}",
        detectors.len() - notes.len(),
        notes.join(", ")
    )))
}

/// Leaves what this guest reported where the document is made from it.
fn write(scene: &Scene, check: &Value, version: &str) -> Result<(), Box<dyn std::error::Error>> {
    let Some(dir) = std::env::var_os(RESULTS).map(PathBuf::from) else { return Ok(()) };
    let provenance = Path::new(env!("CARGO_MANIFEST_DIR")).join("../edge-ebpf/dist/PROVENANCE.toml");
    let provenance = std::fs::read_to_string(provenance)?;
    // The first digest is the object's.
    let object = provenance.lines().find_map(|line| line.strip_prefix("sha256 = \"")?.strip_suffix('"'));
    // `#1 SMP Debian 5.10.223-1 (2024-08-10)`: the package stands before its date.
    let package = version.split(" (").next().and_then(|text| text.rsplit(' ').next());
    let report = json!({
        "arch": scene.arch.name(), "kernel": scene.kernel.name(), "object": object, "package": package,
        "jit": check.pointer("/features/jit"), "btf": check.pointer("/features/btf"), "map_bytes": check.get("map_bytes"),
        "loader_peak_kib": check.get("loader_peak_kib"), "detectors": check.get("detectors"),
    });
    std::fs::create_dir_all(&dir)?;
    let path = dir.join(format!("{}-{}.json", scene.arch, scene.kernel));
    Ok(std::fs::write(path, serde_json::to_string_pretty(&report)?)?)
}
