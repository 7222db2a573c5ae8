//! The findings for a program: one JSON object, written by hand since its shape is fixed and a serialiser would cost more
//! than it saves.

use std::fmt::{self, Write as _};

use super::Findings;
use crate::budget;
use crate::load::{INODES, Listing, NAMES, PATHS, Reached};

/// A string as a JSON string.
struct Quoted<'s>(&'s str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(out, "\\{character}")?,
                control if control.is_control() => write!(out, "\\u{:04x}", u32::from(control))?,
                plain => out.write_char(plain)?,
            }
        }
        out.write_char('"')
    }
}

/// Renders the findings.
pub(super) fn render(findings: &Findings) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut out, findings);
    out
}

/// Writes items with commas between them.
fn list<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T) -> fmt::Result) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index != 0 {
            out.push(',');
        }
        write(out, item)?;
    }
    Ok(())
}

/// Writes the object.
fn write(out: &mut String, findings: &Findings) -> fmt::Result {
    let features = &findings.features;
    let path = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map_or("null".into(), |path| Quoted(&path.display().to_string()).to_string())
    };
    write!(out, "{{\"version\":{},", Quoted(env!("CARGO_PKG_VERSION")))?;
    write!(out, "\"kernel\":{},\"machine\":{},", Quoted(&features.release), Quoted(&features.machine_name))?;
    write!(
        out,
        "\"features\":{{\"bpf\":{},",
        Quoted(if features.bpf_refusal.is_none() { "present" } else { "absent" })
    )?;
    write!(
        out,
        "\"missing_capability\":{},",
        features.missing_capability.map_or("null".into(), |name| Quoted(name).to_string())
    )?;
    write!(out, "\"tracefs\":{},\"cgroup2\":{},", path(&features.tracefs), path(&features.cgroup2))?;
    write!(out, "\"jit\":{},\"btf\":{},", Quoted(features.jit.name()), Quoted(features.btf.name()))?;
    write!(out, "\"lsm\":{}}},\"detectors\":[", Quoted(features.lsm.name()))?;
    list(out, &findings.detectors, |out, detector| {
        let (name, rung, action) =
            (detector.id.to_string(), detector.rung.to_string(), detector.action.to_string());
        write!(out, "{{\"name\":{},\"enabled\":{},", Quoted(&name), detector.enabled)?;
        write!(out, "\"rung\":{},\"action\":{},", Quoted(&rung), Quoted(&action))?;
        write!(out, "\"why\":{},", Quoted(&detector.why))?;
        write!(out, "\"sensor\":{}}}", Quoted(detector.sensor()))
    })?;
    out.push_str("],\"programs\":[");
    list(out, &findings.report.programs, |out, (program, reached)| {
        let (state, why) = match reached {
            Reached::Attached => ("attached", ""),
            Reached::Loaded(why) => ("loaded", why.as_str()),
            Reached::Refused(why) => ("refused", why.as_str()),
        };
        let hook = program.place(findings.report.means);
        write!(out, "{{\"name\":{},\"hook\":{},", Quoted(program.name()), Quoted(&hook))?;
        write!(out, "\"state\":{},\"why\":{}}}", Quoted(state), Quoted(why))
    })?;
    let standing = &findings.report.standing;
    write!(
        out,
        "],\"offsets\":{{\"origin\":{},\"sane\":{},",
        Quoted(standing.origin.name()),
        standing.is_sane()
    )?;
    write!(out, "\"problem\":{},\"facts\":[", Quoted(&standing.problem))?;
    list(out, &standing.facts, |out, fact| {
        write!(out, "{{\"name\":{},\"holds\":{},", Quoted(&fact.name), fact.holds())?;
        write!(out, "\"read\":{},\"known\":{}}}", Quoted(&fact.read), Quoted(&fact.known))
    })?;
    out.push_str("]},\"maps\":[");
    list(out, &findings.report.maps, |out, map| {
        write!(out, "{{\"name\":{},\"bytes\":{}}}", Quoted(&map.name), map.bytes)
    })?;
    write!(
        out,
        "],\"map_bytes\":{},\"map_budget\":{},\"watched\":{{",
        findings.report.map_bytes(),
        findings.report.map_budget()
    )?;
    let watched = &findings.watched;
    for (name, used, limit) in
        [("paths", watched.paths, PATHS), ("names", watched.names, NAMES), ("inodes", watched.inodes, INODES)]
    {
        write!(out, "\"{name}\":{{\"used\":{used},\"limit\":{limit}}},")?;
    }
    let Listing { entries, files, paths, differing, by_file, took_ms, .. } = &watched.listing;
    write!(
        out,
        "\"manifest\":{{\"entries\":{entries},\"files\":{files},\"paths\":{paths},\"differing\":{differing},\"by_file\":{by_file},\"ms\":{took_ms}}},"
    )?;
    out.push_str("\"lacking\":[");
    list(out, &watched.lacking, |out, lacking| {
        write!(out, "{{\"path\":{},\"why\":{}}}", Quoted(&lacking.path), Quoted(&lacking.why))
    })?;
    out.push_str("]},\"buffers\":[");
    list(out, budget::BUFFERS, |out, buffer| {
        write!(out, "{{\"name\":{},\"bytes\":{}}}", Quoted(buffer.name), buffer.bytes)
    })?;
    write!(out, "],\"buffer_bytes\":{},\"loader_peak_kib\":{},", budget::sum(), findings.report.peak_kib)?;
    write!(out, "\"loader_ms\":{},\"notes\":[", findings.report.took_ms)?;
    list(out, &findings.report.notes, |out, note| write!(out, "{}", Quoted(note)))?;
    out.push_str("],");
    let failure =
        findings.failure.as_ref().map_or("null".into(), |failure| Quoted(&failure.to_string()).to_string());
    write!(out, "\"failure\":{failure},\"advice\":[")?;
    list(out, &findings.advice(), |out, line| write!(out, "{}", Quoted(line)))?;
    out.push_str("]}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Detector;
    use crate::error::AgentError;
    use crate::load::{Features, Program, Report};
    use edge_wire::{Action, DetectorId, Rung};

    #[test]
    fn strings_are_escaped() {
        assert_eq!(Quoted("a\"b\\c\nd").to_string(), "\"a\\\"b\\\\c\\u000ad\"");
    }

    /// Braces, brackets and quotes close; a reader in another language is used by the guest tests.
    #[test]
    fn the_object_is_balanced_and_names_everything() {
        let mut report = Report::default();
        report.programs.push((Program::SysEnter, Reached::Refused("log says \"no\"".into())));
        let findings = Findings {
            features: Features::probe(),
            detectors: vec![Detector {
                id: DetectorId::FILE_TAMPER,
                enabled: true,
                rung: Rung::OFF,
                why: "lsm: none".into(),
                live: false,
                action: Action::OBSERVE,
            }],
            report,
            watched: crate::load::Books::default(),
            failure: Some(AgentError::Permission { capability: "CAP_BPF" }),
        };
        let json = findings.json();
        for (open, close) in [('{', '}'), ('[', ']')] {
            assert_eq!(json.matches(open).count(), json.matches(close).count(), "{json}");
        }
        for part in
            ["\"name\":\"file_tamper\"", "\"rung\":\"off\"", "log says \\\"no\\\"", "\"map_budget\":786432"]
        {
            assert!(json.contains(part), "{part} in {json}");
        }
        assert!(findings.text().contains("file_tamper        off"));
    }
}
