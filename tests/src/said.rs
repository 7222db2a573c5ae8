//! What the subscriber's JSON lines say: the one place in the tests that knows their fields (see `edge-watch/README.md`).

use crate::subscriber::Line;

/// Class of an OCSF Detection Finding.
const DETECTION_FINDING: u64 = 2004;

/// Whether a line is a verdict.
#[must_use]
pub fn is_verdict(line: &Line) -> bool {
    line.at("/class_uid") == DETECTION_FINDING
}

/// Whether a line is a verdict of one detector.
#[must_use]
pub fn is_verdict_of(line: &Line, detector: &str) -> bool {
    is_verdict(line) && line.at("/finding_info/analytic/name") == detector
}

/// Whether a line says that the agent came online.
#[must_use]
pub fn is_online(line: &Line) -> bool {
    is_state(line, "online")
}

/// Whether a line says that an agent is in this state: `online`, `stopped` or `lost`.
#[must_use]
pub fn is_state(line: &Line, state: &str) -> bool {
    line.at("/kind") == "status" && line.at("/state") == state
}

/// Whether a line is a heartbeat.
#[must_use]
pub fn is_heartbeat(line: &Line) -> bool {
    line.at("/kind") == "heartbeat"
}

/// Whether a line is a heartbeat that tells that everything has been delivered.
#[must_use]
pub fn is_settled(line: &Line) -> bool {
    is_heartbeat(line) && agent_book(line, "queued") == Ok(0) && agent_book(line, "in_flight") == Ok(0)
}

/// The rung that a heartbeat names for a detector.
pub fn rung_of<'l>(heartbeat: &'l Line, detector: &str) -> Result<&'l str, String> {
    health_of(heartbeat, detector)?["rung"]
        .as_str()
        .ok_or_else(|| format!("{detector} has no rung: {}", heartbeat.json))
}

/// Findings that a heartbeat counts for a detector.
pub fn findings_of(heartbeat: &Line, detector: &str) -> Result<u64, String> {
    let findings = health_of(heartbeat, detector)?["findings"].as_u64();
    findings.ok_or_else(|| format!("{detector} has no findings: {}", heartbeat.json))
}

/// What a heartbeat says about a detector.
pub fn health_of<'l>(heartbeat: &'l Line, detector: &str) -> Result<&'l serde_json::Value, String> {
    let all = heartbeat.at("/detectors").as_array().map(Vec::as_slice).unwrap_or_default();
    let found = all.iter().find(|health| health["detector"] == detector);
    found.ok_or_else(|| format!("heartbeat lists no {detector}: {}", heartbeat.json))
}

/// Whether a heartbeat and a verdict are of one start of one agent.
#[must_use]
pub fn same_agent(heartbeat: &Line, verdict: &Line) -> bool {
    heartbeat.at("/incarnation") == verdict.at("/unmapped/incarnation")
        && heartbeat.at("/boot_id") == verdict.at("/unmapped/boot_id")
}

/// The detector of a verdict, and the rung that it came from.
pub fn detector_and_rung(verdict: &Line) -> Result<(&str, &str), String> {
    let (detector, rung) = (verdict.at("/unmapped/detector").as_str(), verdict.at("/unmapped/rung").as_str());
    detector.zip(rung).ok_or_else(|| format!("verdict has no rung: {}", verdict.json))
}

/// The technique of a verdict.
#[must_use]
pub fn technique(line: &Line) -> Option<&str> {
    line.at("/finding_info/attacks/0/technique/uid").as_str()
}

/// The sub-technique of a verdict, if it has one.
#[must_use]
pub fn sub_technique(line: &Line) -> Option<&str> {
    line.at("/finding_info/attacks/0/sub_technique/uid").as_str()
}

/// What became of the process: `reported`, `killed`, `denied` or `failed`.
#[must_use]
pub fn disposition(line: &Line) -> Option<&str> {
    line.at("/unmapped/disposition").as_str()
}

/// The process a verdict is about.
#[must_use]
pub fn pid(line: &Line) -> Option<u64> {
    line.at("/actor/process/pid").as_u64()
}

/// The path a verdict is about: that of its evidence, or the program's own where the evidence does not repeat it.
#[must_use]
pub fn path(line: &Line) -> Option<&str> {
    let evidence = line.at("/evidences/0/file/path").as_str().filter(|path| !path.is_empty());
    evidence.or_else(|| line.at("/actor/process/file/path").as_str())
}

/// A text of a verdict's evidence.
#[must_use]
pub fn evidence_text<'l>(line: &'l Line, name: &str) -> Option<&'l str> {
    line.at(&format!("/evidences/0/data/{name}")).as_str()
}

/// A number of a verdict's evidence.
pub fn evidence(line: &Line, name: &str) -> Result<u64, String> {
    number(line, &format!("/evidences/0/data/{name}"))
}

/// Kernel time of the deciding event, in nanoseconds of boot time; equal to monotonic time in a guest that never sleeps.
pub fn event_ns(line: &Line) -> Result<u64, String> {
    Ok(number(line, "/unmapped/event_us")? * 1000)
}

/// A number of the kernel's books in a heartbeat.
pub fn kernel_book(line: &Line, name: &str) -> Result<u64, String> {
    number(line, &format!("/kernel_books/{name}"))
}

/// A number of the agent's books in a heartbeat.
pub fn agent_book(line: &Line, name: &str) -> Result<u64, String> {
    number(line, &format!("/agent_books/{name}"))
}

/// A number at a path.
pub fn number(line: &Line, path: &str) -> Result<u64, String> {
    line.at(path).as_u64().ok_or_else(|| format!("subscriber's line has no number at {path}: {}", line.json))
}

/// Whether a line reports verdicts that are missing although the agent did not shed them.
#[must_use]
pub fn is_loss(line: &Line) -> bool {
    let kind = line.at("/kind");
    (kind == "gap" || kind == "gap_explained") && line.at("/cause/on_the_way") != 0
}

/// A verdict in a few words: who did what.
#[must_use]
pub fn headline(verdict: &Line) -> String {
    format!("{}: {}", verdict.at("/finding_info/title"), verdict.at("/message"))
}
