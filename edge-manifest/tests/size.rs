//! What a manifest costs: flash, and the time to look a path up.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what was measured and what failed are a test's product"
)]

use std::time::Instant;

use edge_manifest::{Found, Kind, Maker, Manifest};

/// Where Debian's packages of a console system have their programs.
const PATHS: &str = include_str!("paths.txt");

/// Most bytes an executable may take.
const LIMIT: usize = 40;

/// A manifest of all of them.
fn made() -> Vec<u8> {
    let entry = |(n, path): (usize, &str)| {
        let found = Found { kind: Kind::Program, size: 40_000 + n as u64, digest: [n as u8; 16] };
        (path.into(), found)
    };
    Maker { entries: PATHS.lines().enumerate().map(entry).collect(), ..Maker::default() }.encode().unwrap()
}

#[test]
fn an_executable_takes_at_most_40_bytes() {
    let (count, bytes) = (PATHS.lines().count(), made().len());
    assert!(count >= 900, "{count}");
    assert!(bytes <= LIMIT * count, "{bytes} bytes for {count} programs");
    println!("{bytes} bytes for {count} programs, {}.{} each", bytes / count, bytes * 10 / count % 10);
}

#[test]
fn every_path_is_found() {
    let bytes = made();
    let begun = Instant::now();
    let manifest = Manifest::parse(&bytes).unwrap();
    let parsed = begun.elapsed();
    let begun = Instant::now();
    for path in PATHS.lines() {
        assert!(manifest.find(path.as_bytes()).is_some(), "{path}");
    }
    let each = begun.elapsed() / PATHS.lines().count() as u32;
    println!("parsed in {parsed:?}, each of {} found in {each:?}", manifest.len());
}
