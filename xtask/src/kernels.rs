//! `kernels`: the tables of docs/kernels.md that say what every guest reported, made from what the guest tests left behind.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use edge_tests::vm::{Arch, Kernel, matrix};
use serde::Deserialize;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// The document, relative to the workspace.
const DOCUMENT: &str = "docs/kernels.md";
/// The line after which it is generated.
const BEGIN: &str = "<!-- begin: written by `cargo xtask kernels` -->";
/// The line before which it is.
const END: &str = "<!-- end -->";

/// What one guest reported.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
struct Report {
    /// The architecture's Debian name.
    arch: String,
    /// The kernel's series.
    kernel: String,
    /// SHA-256 of the eBPF object that was loaded.
    object: String,
    /// The Debian package of the kernel.
    package: String,
    /// Whether programs are compiled: `present`, `absent` or `unknown`, as `edge-agent check` puts it.
    jit: String,
    /// Whether the kernel has BTF, in the same words.
    btf: String,
    /// Kernel memory of all maps.
    map_bytes: u64,
    /// Most memory of the loader process.
    loader_peak_kib: u64,
    /// Every detector.
    detectors: Vec<Detector>,
}

/// One detector of a report.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
struct Detector {
    /// Its name.
    name: String,
    /// Its rung.
    rung: String,
    /// `live`, `silent`, or `-` where it does not run.
    sensor: String,
}

/// Where the guest tests leave their reports.
pub(crate) fn results(workspace: &Workspace) -> PathBuf {
    workspace.target.join("guests")
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    if let Some(arg) = args.next()? {
        return Err(arg.unexpected().into());
    }
    let provenance = fs::read_to_string(workspace.root.join("edge-ebpf/dist/PROVENANCE.toml"))?;
    let reports = matrix()
        .into_iter()
        .map(|guest| report(workspace, guest, &provenance))
        .collect::<Result<Vec<_>>>()?;
    let path = workspace.root.join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| format!("{DOCUMENT} cannot be read"))?;
    let (before, _, after) = parts(&text)?;
    fs::write(&path, format!("{before}{BEGIN}\n\n{}\n{END}{after}", render(&reports)?))?;
    println!("written: {DOCUMENT}, from {} guests", reports.len());
    Ok(())
}

/// The report of one guest, if it is one of the object that is committed.
fn report(workspace: &Workspace, (arch, kernel): (Arch, Kernel), provenance: &str) -> Result<Report> {
    let path = results(workspace).join(format!("{arch}-{kernel}.json"));
    let again = format!("run `cargo xtask test guest --arch {arch} --kernel {kernel} --detector guest`");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{arch} {kernel} has reported nothing; {again}"))?;
    let report: Report =
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
    ensure!(
        provenance.contains(&report.object),
        "{arch} {kernel} reported on another eBPF object than the committed one; {again}"
    );
    Ok(report)
}

/// The document before the marks, between them, and after them.
fn parts(text: &str) -> Result<(&str, &str, &str)> {
    let (before, rest) = text
        .split_once(BEGIN)
        .with_context(|| format!("{DOCUMENT} has lost the mark where results begin"))?;
    let (between, after) =
        rest.split_once(END).with_context(|| format!("{DOCUMENT} has lost the mark where results end"))?;
    Ok((before, between, after))
}

/// Both tables.
fn render(reports: &[Report]) -> Result<String> {
    let mut text = String::from(
        "| guest | package | jit | btf | maps, bytes | loader's peak |\n|---|---|---|---|---|---|\n",
    );
    for report in reports {
        writeln!(
            text,
            "| {} {} | {} | {} | {} | {} | {} KiB |",
            report.kernel,
            report.arch,
            report.package,
            report.jit,
            report.btf,
            grouped(report.map_bytes),
            grouped(report.loader_peak_kib)
        )?;
    }
    text.push_str("\n| detector |");
    for report in reports {
        write!(text, " {} {} |", report.kernel, report.arch)?;
    }
    writeln!(text, "\n|---|{}", "---|".repeat(reports.len()))?;
    let names: Vec<_> =
        reports.first().map_or(&[][..], |report| &report.detectors).iter().map(|one| &one.name).collect();
    for name in names {
        write!(text, "| `{name}` |")?;
        for report in reports {
            let detector = report.detectors.iter().find(|one| one.name == *name);
            let detector =
                detector.with_context(|| format!("{} {} reported no {name}", report.kernel, report.arch))?;
            write!(text, " {} |", cell(detector)?)?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// How a detector stands, in a letter.
fn cell(detector: &Detector) -> Result<String> {
    let letter = match detector.rung.as_str() {
        "off" => "-",
        "tracepoint" => "t",
        "cgroup" => "c",
        "kprobe" => "k",
        "lsm" => "l",
        other => bail!("{} stands on `{other}`, which this table has no letter for", detector.name),
    };
    Ok(if detector.sensor == "silent" { format!("{letter}, silent") } else { letter.to_owned() })
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge_wire::DetectorId;

    /// What stands there until there are results.
    const PENDING: &str = "Pending: not yet run on every guest.";

    fn reported(rung: &str, sensor: &str) -> Report {
        let detector =
            Detector { name: "file_tamper".to_owned(), rung: rung.to_owned(), sensor: sensor.to_owned() };
        let text = |text: &str| text.to_owned();
        Report {
            arch: text("arm64"),
            kernel: text("5.10"),
            object: text("00"),
            package: text("5.10.223-1"),
            jit: text("present"),
            btf: text("absent"),
            map_bytes: 684_032,
            loader_peak_kib: 1_028,
            detectors: vec![detector],
        }
    }

    #[test]
    fn both_tables_are_made_of_the_reports() {
        let text = render(&[reported("lsm", "live"), reported("tracepoint", "silent")]).unwrap();
        assert!(
            text.contains("| 5.10 arm64 | 5.10.223-1 | present | absent | 684,032 | 1,028 KiB |"),
            "{text}"
        );
        assert!(text.contains("| `file_tamper` | l | t, silent |"), "{text}");
        assert!(render(&[reported("moon", "live")]).is_err());
        assert!(parts("no marks").is_err());
    }

    /// The committed tables have a row for every detector and a column for every guest there is today.
    #[test]
    fn the_committed_document_has_every_detector_and_every_guest() {
        let workspace = Workspace::locate().unwrap();
        let text = fs::read_to_string(workspace.root.join(DOCUMENT)).unwrap();
        let table = parts(&text).unwrap().1;
        // Before the first run over the whole matrix there is nothing to compare.
        if table.trim() == PENDING {
            return;
        }
        let rows: Vec<_> =
            table.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect();
        let known: Vec<_> = DetectorId::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(rows, known, "`cargo xtask test guest --detector guest`, then `cargo xtask kernels`");
        let guests: Vec<_> = matrix().iter().map(|(arch, kernel)| format!("{kernel} {arch}")).collect();
        let head = format!("| detector | {} |", guests.join(" | "));
        assert!(table.contains(&head), "no line {head}");
    }
}
