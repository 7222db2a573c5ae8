//! Committed bytes with known meaning. `EDGE_BLESS=1 cargo test -p edge-manifest --test golden` rewrites them after a deliberate change; a
//! change of an existing file within one version breaks the agents in the field.
#![expect(clippy::unwrap_used, reason = "a failed assertion is a test's product")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use edge_manifest::{Error, Kind, Maker, Manifest};

mod common;

/// Names and contents of the vectors.
fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    vec![("empty", Maker::default().encode().unwrap()), ("usual", common::usual().encode().unwrap())]
}

/// 32 bytes a line.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        for byte in line {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_files_are_what_the_writer_writes_and_the_reader_reads() {
    for (name, bytes) in vectors() {
        let file: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "tests/golden", &format!("{name}.hex")].iter().collect();
        if std::env::var_os("EDGE_BLESS").is_some_and(|value| value == "1") {
            fs::write(&file, hex(&bytes)).unwrap();
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(text == hex(&bytes), "{name} has changed; EDGE_BLESS=1 shows how");
    }
    let bytes = common::usual().encode().unwrap();
    assert_eq!(Maker::of(&Manifest::parse(&bytes).unwrap()), common::usual());
}

#[test]
fn every_truncation_and_every_changed_bit_is_refused() {
    for (name, bytes) in vectors() {
        for length in 0..bytes.len() {
            assert!(Manifest::parse(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let error = Manifest::parse(&damaged).unwrap_err();
                let expected = match at {
                    0..4 => matches!(error, Error::Magic),
                    4 => matches!(error, Error::Version { .. }),
                    _ => matches!(error, Error::Seal { at } if at == bytes.len() - 16),
                };
                assert!(expected, "{name}, bit {bit} of byte {at}: {error}");
            }
        }
        assert!(Manifest::parse(&[&bytes[..], &[0]].concat()).is_err(), "{name} and a byte more");
    }
}

#[test]
fn what_is_listed_is_found_and_nothing_else() {
    let bytes = common::usual().encode().unwrap();
    let manifest = Manifest::parse(&bytes).unwrap();
    assert_eq!((manifest.image(), manifest.len(), manifest.is_empty()), ("gateway 2026.11", 6, false));
    assert_eq!(manifest.seal()[..], bytes[bytes.len() - 16..]);
    for (path, found) in &common::usual().entries {
        assert_eq!(manifest.find(path), Some(*found));
        for other in [&path[..path.len() - 1], &[&path[..], b"x"].concat()] {
            assert_eq!(manifest.find(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
    assert_eq!(manifest.find(b""), None);
    let mut buffer = [0; 255];
    assert_eq!(manifest.unlinked(b"/bin/cat", &mut buffer), Some(&b"/usr/bin/cat"[..]));
    for path in ["/bin", "/binary/cat", "/usr/bin/cat", ""] {
        assert_eq!(manifest.unlinked(path.as_bytes(), &mut buffer), None, "{path}");
    }
    let long = [&b"/bin/"[..], &[b'a'; 247]].concat();
    assert_eq!(manifest.unlinked(&long, &mut buffer), None, "4 bytes more than 252 are too many");
    assert!(manifest.unlinked(&long[..251], &mut buffer).is_some_and(|path| path.len() == 255));
}

/// A look-up compares what entries leave out only by its length, so it has to end where the path's own place was passed.
#[test]
fn a_path_is_not_found_by_the_ending_of_another() {
    let entries = ["/b/a", "/c/a", "/c/c", "/c/d/e"].map(|path| common::entry(path, Kind::Link, b"")).into();
    let bytes = Maker { entries, ..Maker::default() }.encode().unwrap();
    let manifest = Manifest::parse(&bytes).unwrap();
    for path in ["/b/c", "/b/d/e", "/a/a", "/b/", "/c", "/c/d", "/c/d/f", "/d/e"] {
        assert_eq!(manifest.find(path.as_bytes()), None, "{path}");
    }
    assert!(manifest.find(b"/c/c").is_some() && manifest.find(b"/c/d/e").is_some());
}
