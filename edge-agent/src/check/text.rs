//! The findings for a person.

use std::fmt::Write as _;

use super::{Detector, Findings};
use crate::budget;
use crate::load::{INODES, Listing, Loading, NAMES, PATHS, Reached, Report};

/// Renders the findings.
pub(super) fn render(findings: &Findings) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut out, findings);
    out.truncate(out.trim_end().len());
    out
}

/// Writes all sections.
fn write(out: &mut String, findings: &Findings) -> core::fmt::Result {
    let features = &findings.features;
    let place = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map_or("absent".into(), |path| path.display().to_string())
    };
    writeln!(out, "kernel      {} {}", features.release, features.machine_name)?;
    writeln!(out, "bpf         {}", if features.bpf_refusal.is_none() { "present" } else { "refused" })?;
    writeln!(
        out,
        "privileges  {}",
        features.missing_capability.map_or("enough".into(), |name| format!("{name} missing"))
    )?;
    writeln!(out, "tracefs     {}", place(&features.tracefs))?;
    writeln!(out, "cgroup2     {}", place(&features.cgroup2))?;
    writeln!(out, "jit         {}", features.jit.name())?;
    writeln!(out, "btf         {}", features.btf.name())?;
    let standing = &findings.report.standing;
    let held = standing.facts.iter().filter(|fact| fact.holds()).count();
    writeln!(out, "offsets     {}, {held} of {} facts hold", standing.origin.name(), standing.facts.len())?;
    if !standing.problem.is_empty() {
        writeln!(out, "            not used: {}", standing.problem)?;
    }
    writeln!(out, "bpf lsm     {}", features.lsm.name())?;

    writeln!(out, "\ndetector           rung         action   sensor")?;
    for detector in &findings.detectors {
        let rung = if detector.enabled { detector.rung.to_string() } else { "disabled".into() };
        writeln!(out, "{:<18} {:<12} {:<8} {}", detector.id, rung, detector.action, detector.sensor())?;
    }
    // Most detectors that cannot stand higher have the same reason.
    let mut told: Vec<&str> = Vec::new();
    for why in findings.detectors.iter().map(|detector| detector.why.as_str()) {
        if !why.is_empty() && !told.contains(&why) {
            told.push(why);
        }
    }
    for (index, why) in told.into_iter().enumerate() {
        let whose = |detector: &&Detector| detector.why == why;
        let names: Vec<String> =
            findings.detectors.iter().filter(whose).map(|detector| detector.id.to_string()).collect();
        writeln!(
            out,
            "{}{}: {why}",
            if index == 0 { "\nwhy not higher\n- " } else { "- " },
            names.join(", ")
        )?;
    }
    for note in &findings.report.notes {
        writeln!(out, "- {note}")?;
    }
    writeln!(out, "\nprogram          hook                                           ms  verified  state")?;
    let times = findings.report.each.iter().copied().chain(core::iter::repeat(Loading::default()));
    for ((program, reached), Loading { ms, verified }) in findings.report.programs.iter().zip(times) {
        let state = match reached {
            Reached::Attached => "attached".to_owned(),
            Reached::Loaded(why) => format!("not attached: {why}"),
            Reached::Refused(why) => format!("refused: {why}"),
        };
        let place = program.place(findings.report.means);
        writeln!(out, "{:<16} {place:<40} {ms:>8} {verified:>9}  {state}", program.name())?;
    }
    writeln!(out, "\nread through offsets                     by the kernel side   known")?;
    for fact in &standing.facts {
        let wrong = if fact.holds() { "" } else { "  WRONG" };
        writeln!(out, "{:<40} {:<20} {}{wrong}", fact.name, fact.read, fact.known)?;
    }
    writeln!(out, "\nkernel map           bytes")?;
    for map in &findings.report.maps {
        writeln!(out, "{:<15} {:>10}", map.name, map.bytes)?;
    }
    writeln!(out, "{:<15} {:>10} of {}", "all", findings.report.map_bytes(), findings.report.map_budget())?;
    let watched = &findings.watched;
    writeln!(out, "\nwatched          used of")?;
    for (name, used, limit) in
        [("paths", watched.paths, PATHS), ("names", watched.names, NAMES), ("inodes", watched.inodes, INODES)]
    {
        writeln!(out, "{name:<15} {used:>5} {limit}")?;
    }
    write_listing(out, &watched.listing)?;
    for lacking in &watched.lacking {
        writeln!(out, "{}: {}", lacking.path, lacking.why)?;
    }
    writeln!(out, "\nagent buffer              bytes")?;
    for buffer in budget::BUFFERS {
        writeln!(out, "{:<20} {:>10}", buffer.name, buffer.bytes)?;
    }
    writeln!(out, "{:<20} {:>10}", "all", budget::sum())?;
    if findings.report.peak_kib != 0 {
        let Report { peak_kib, took_ms, .. } = findings.report;
        writeln!(out, "\nloading took {took_ms} ms and at most {peak_kib} KiB, given back")?;
    }
    let advice = findings.advice();
    if !advice.is_empty() {
        writeln!(out, "\nmissing, and how to get it")?;
        advice.iter().try_for_each(|line| writeln!(out, "- {line}"))?;
    }
    Ok(())
}

/// Writes what the image is made of.
fn write_listing(out: &mut String, listing: &Listing) -> core::fmt::Result {
    let Listing { entries, files, paths, differing, by_file, took_ms, .. } = listing;
    if *entries == 0 {
        return Ok(());
    }
    let unused = if *by_file { "" } else { ", which are not used" };
    writeln!(
        out,
        "\nmanifest         {entries} programs and links, by {files} files{unused} and {paths} paths, in {took_ms} ms; {differing} not as listed"
    )
}
