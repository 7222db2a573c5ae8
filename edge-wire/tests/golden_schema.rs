//! `SCHEMA.md` says what the code does: its walk-through is a vector, its vocabularies and sizes are those of the types.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed assertion is a test's product"
)]

use edge_wire::{Action, DetectorId, Disposition, MAX_PAYLOAD, Reason, Rung, Severity, State, max};

/// The document.
const SCHEMA: &str = include_str!("../SCHEMA.md");
/// What the vectors mean.
const JSON: &str = include_str!("golden/golden.json");
/// The vector that the document walks through.
const WALK: &str = include_str!("golden/verdict_lateral_scan_spreading.hex");

/// The cells of every table row between the heading that starts with `from` and the next one.
fn rows(from: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = SCHEMA.split_once(from).expect("a heading of the document");
    let section = section.split_once("\n##").map_or(section, |(section, _)| section);
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_walk_through_is_the_vector() {
    let mut digits = String::new();
    for row in rows("## 13. ") {
        let [offset, bytes, ..] = row[..] else { continue };
        let Ok(offset) = offset.parse::<usize>() else { continue };
        assert_eq!(digits.len(), 2 * offset, "offset {offset}");
        digits.extend(bytes.chars().filter(char::is_ascii_hexdigit));
    }
    assert_eq!(digits, WALK.split_whitespace().collect::<String>());
}

#[test]
fn every_vocabulary_is_listed_with_its_numbers() {
    macro_rules! check {
        ($($vocabulary:ident $title:literal),+ $(,)?) => {$(
            let listed: Vec<(u8, &str)> = rows("## 8. ")
                .into_iter()
                .skip_while(|row| row[0] != $title)
                .skip(2)
                .map_while(|row| Some((row[0].parse().ok()?, row[1].trim_matches('`'))))
                .collect();
            let known: Vec<(u8, &str)> =
                $vocabulary::ALL.iter().map(|member| (member.0, member.name().unwrap())).collect();
            assert_eq!(listed, known, $title);
        )+};
    }
    check!(
        Action "action",
        DetectorId "detector",
        Disposition "disposition",
        Reason "reason",
        Rung "rung",
        Severity "severity",
        State "state",
    );
}

#[test]
fn every_field_stands_in_the_order_of_the_vectors() {
    for (section, start) in [
        ("## 4. ", "\"kind\": \"verdict\""),
        ("### `file_tamper`", "\"name\": \"file_tamper\""),
        ("### `lateral_scan`", "\"name\": \"lateral_scan\""),
        ("### `volatile_exec`", "\"name\": \"volatile_exec\""),
        ("### An act ", "\"name\": \"fileless_exec\""),
        ("## 6. ", "\"kind\": \"heartbeat\""),
        ("## 7. ", "\"kind\": \"status\""),
    ] {
        let (_, vectors) = JSON.split_once(start).unwrap();
        let (vector, _) = vectors.split_once("\"about\": ").unwrap();
        // The evidence follows the head that names its detector.
        let mut rest =
            if section.starts_with("###") { vector.split_once("\"evidence\": ").unwrap().1 } else { vector };
        for row in rows(section) {
            let field =
                row.get(1).and_then(|cell| cell.strip_prefix('`')).and_then(|cell| cell.strip_suffix('`'));
            let Some(field) = field else { continue };
            let name = field.rsplit('.').next().unwrap();
            let found = rest.split_once(&format!("\"{name}\": "));
            (_, rest) =
                found.unwrap_or_else(|| panic!("{section}: {field} is not where the document has it"));
        }
    }
}

#[test]
fn the_meaning_of_every_act_and_reason_is_told() {
    let rows = rows("### What the fields of an act mean");
    let (detectors, reasons): (Vec<&str>, Vec<&str>) =
        rows.iter().skip(2).map(|row| (row[0].trim_matches('`'), row[1])).unzip();
    let known = DetectorId::ALL.iter().filter(|detector| detector.has_act());
    assert_eq!(detectors, known.map(|detector| detector.name().unwrap()).collect::<Vec<_>>());
    let told: Vec<Reason> = reasons
        .iter()
        .flat_map(|cell| cell.split(", "))
        .map(|name| Reason::from_name(name.trim_matches('`')).unwrap_or_else(|| panic!("reason {name}")))
        .collect();
    // Those of the detectors that have an evidence of their own.
    let own = [Reason::DROPPED_AND_RUN, Reason::SELF_UNLINK, Reason::SPREAD_WORK, Reason::SLOW];
    for &reason in Reason::ALL.iter().filter(|reason| **reason >= Reason::MEMFD) {
        assert_ne!(told.contains(&reason), own.contains(&reason), "{reason}");
    }
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "a cell for every column");
}

/// Lengths of the vectors whose name starts with `prefix`, ascending.
fn lengths(prefix: &str) -> Vec<usize> {
    let start = format!("\"name\": \"{prefix}");
    let named = JSON.split(&start).skip(1);
    let length = |entry: &str| entry.split_once("\"length\": ")?.1.split_once(',')?.0.parse().ok();
    let mut lengths: Vec<usize> = named.filter_map(length).collect();
    lengths.sort_unstable();
    lengths
}

/// Compares the cells of a row of sizes with what was measured; `usual` ascends.
fn check(cells: &[&str], smallest: usize, usual: &[usize], largest: usize) {
    let [first, .., last] = usual else { panic!("usual verdicts of {cells:?}") };
    let usual = format!("{first} to {last}, median {}", usual[usual.len() / 2]);
    assert_eq!(cells, [smallest.to_string(), usual, largest.to_string()]);
}

#[test]
fn the_sizes_are_those_of_the_vectors() {
    let rows = rows("## 10. ");
    let row = |name: &str| rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("a row {name}"));
    let mut all = Vec::new();
    for detector in DetectorId::ALL.iter().filter(|detector| !detector.has_act()) {
        let [smallest, usual @ .., largest] = &lengths(&format!("verdict_{detector}_"))[..] else {
            panic!("vectors of {detector}");
        };
        assert_eq!(usual.len(), 3, "usual verdicts of {detector}");
        check(&row(&format!("verdict, `{detector}`"))[1..], *smallest, usual, *largest);
        all.extend_from_slice(usual);
    }
    let acts = DetectorId::ALL.iter().filter(|detector| detector.has_act());
    let mut usual: Vec<usize> = acts.flat_map(|detector| lengths(&format!("verdict_{detector}_"))).collect();
    usual.sort_unstable();
    check(&row("verdict, an act")[1..], lengths("verdict_act_min")[0], &usual, lengths("verdict_act_max")[0]);
    all.extend(usual);
    all.sort_unstable();
    assert_eq!(row(&format!("verdict, all {}", all.len()))[2], format!("median {}", all[all.len() / 2]));
    for (name, smallest, usual, largest) in [
        ("heartbeat", "heartbeat_min", "heartbeat_usual", "heartbeat_max"),
        ("status", "status_min", "status_online", "status_max"),
    ] {
        let row = row(name);
        let cells = [row[1], row[2].split(' ').next().unwrap_or_default(), row[3]];
        assert_eq!(
            cells.map(|cell| vec![cell.parse::<usize>().unwrap()]),
            [smallest, usual, largest].map(lengths),
            "{name}"
        );
    }
    let largest = |name: &str| row(name)[3].parse::<usize>();
    assert_eq!(largest("verdict, an act"), Ok(max::VERDICT));
    assert_eq!(largest("heartbeat"), Ok(max::HEARTBEAT));
    assert_eq!(largest("status"), Ok(max::STATUS));
    assert_eq!(largest("any"), Ok(MAX_PAYLOAD));
}
