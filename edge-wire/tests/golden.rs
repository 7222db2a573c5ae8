//! The golden vectors: committed bytes with known meaning, for readers in every language.
//!
//! `golden/<name>.hex` holds a payload, `golden/golden.json` what it means or why it is none. The cases are written as
//! Rust values here; the tests compare them with the files in both directions, so neither the codec nor the files can
//! change alone. `EDGE_BLESS=1 cargo test -p edge-wire --test golden` rewrites the files after a deliberate change;
//! a change of an existing file within one schema version breaks readers in the field (see `SCHEMA.md`, "Growth").
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a failed assertion is a test's product")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use edge_wire::{Evidence, Message, SCHEMA_VERSION, decode, encode_heartbeat, encode_status, encode_verdict};

#[path = "golden/acts.rs"]
mod acts;
#[path = "golden/broken.rs"]
mod broken;
#[path = "golden/cases.rs"]
mod cases;
#[path = "golden/health.rs"]
mod health;
#[path = "golden/json.rs"]
mod json;
#[path = "golden/meaning.rs"]
mod meaning;
#[path = "golden/usual.rs"]
mod usual;

use json::Json;

/// Where the vectors are; rewritten first, once and before any test reads them, when `EDGE_BLESS` is 1.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden"].iter().collect();
        if std::env::var_os("EDGE_BLESS").is_some_and(|value| value == "1") {
            bless(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
        folder
    });
    &FOLDER
}

/// Makes the files what the cases say, and removes those of cases that are gone.
fn bless(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "hex") {
            fs::remove_file(path)?;
        }
    }
    for (name, payload) in payloads() {
        fs::write(folder.join(format!("{name}.hex")), to_hex(&payload))?;
    }
    fs::write(folder.join("golden.json"), document())
}

/// The payload in the file of the vector called `name`, and the text it stands as.
fn read(name: &str) -> (Vec<u8>, String) {
    let text = fs::read_to_string(folder().join(format!("{name}.hex")))
        .unwrap_or_else(|error| panic!("vector {name}: {error}"));
    (from_hex(&text), text)
}

/// Name and payload of every vector, the valid ones first.
fn payloads() -> Vec<(&'static str, Vec<u8>)> {
    let valid = cases::all().into_iter().map(|case| (case.name, case.payload));
    let broken = broken::all().into_iter().map(|case| (case.name, case.payload));
    valid.chain(broken).collect()
}

/// The text of a `.hex` file: 32 bytes a line, lower case.
fn to_hex(payload: &[u8]) -> String {
    payload.chunks(32).fold(String::new(), |text, line| text + &json::hex(line) + "\n")
}

/// The bytes of a `.hex` file: pairs of digits, white space ignored.
fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|character| character.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect()
}

/// `golden.json` as it must be.
fn document() -> String {
    let valid = cases::all().into_iter().map(|case| {
        Json::Map(vec![
            ("name", Json::text(case.name)),
            ("about", Json::text(case.about)),
            ("file", Json::text(format!("{}.hex", case.name))),
            ("length", Json::number(case.payload.len())),
            ("trailing_bytes", Json::number(case.trailing)),
            ("kind", Json::text(meaning::kind(&case.message))),
            ("message", meaning::message(&case.message)),
        ])
    });
    let broken = broken::all().into_iter().map(|case| {
        Json::Map(vec![
            ("name", Json::text(case.name)),
            ("about", Json::text(case.about)),
            ("file", Json::text(format!("{}.hex", case.name))),
            ("length", Json::number(case.payload.len())),
            ("error", Json::text(meaning::error(case.error))),
            ("error_text", Json::text(case.error.to_string())),
        ])
    });
    let document = Json::Map(vec![
        ("schema_version", Json::number(SCHEMA_VERSION)),
        ("valid", Json::List(valid.collect())),
        ("invalid", Json::List(broken.collect())),
    ]);
    document.pretty() + "\n"
}

#[test]
fn files_are_what_the_cases_say() {
    for (name, payload) in payloads() {
        let (bytes, text) = read(name);
        assert_eq!(bytes, payload, "vector {name} is not what its case encodes to");
        assert_eq!(text, to_hex(&payload), "vector {name} is not laid out as 32 bytes a line");
    }
    let written = fs::read_to_string(folder().join("golden.json")).unwrap();
    assert!(written == document(), "golden.json differs from the cases; EDGE_BLESS=1 shows how");
}

#[test]
fn no_vector_is_left_over_or_named_twice() {
    let mut names: Vec<String> = payloads().iter().map(|(name, _)| format!("{name}.hex")).collect();
    names.sort();
    let mut files: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "hex"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, names);
}

#[test]
fn valid_vectors_decode_to_their_meaning() {
    for case in cases::all() {
        assert_eq!(decode(&read(case.name).0), Ok(case.message), "vector {}", case.name);
    }
}

#[test]
fn meanings_encode_to_their_valid_vectors() {
    for case in cases::all() {
        let encoded = match &case.message {
            Message::Heartbeat(heartbeat) => encode_heartbeat(heartbeat),
            Message::Status(status) => encode_status(status),
            // The one message that a reader can hold and a sender cannot have.
            Message::Verdict(verdict) if matches!(verdict.evidence, Evidence::Unknown { .. }) => continue,
            Message::Verdict(verdict) => encode_verdict(verdict),
        };
        let (mut expected, _) = read(case.name);
        expected.truncate(expected.len() - case.trailing);
        assert_eq!(encoded.as_deref(), Ok(expected.as_slice()), "vector {}", case.name);
    }
}

#[test]
fn invalid_vectors_are_refused_for_the_stated_reason() {
    for case in broken::all() {
        assert_eq!(decode(&read(case.name).0), Err(case.error), "vector {}", case.name);
    }
}

#[test]
fn every_shorter_prefix_of_a_valid_vector_is_refused() {
    for case in cases::all().into_iter().filter(|case| case.trailing == 0) {
        // Evidence of an unknown detector has no inner structure that could be seen to end early.
        if matches!(&case.message, Message::Verdict(verdict) if matches!(verdict.evidence, Evidence::Unknown { .. }))
        {
            continue;
        }
        for length in 0..case.payload.len() {
            assert!(decode(&case.payload[..length]).is_err(), "vector {} cut to {length} bytes", case.name);
        }
    }
}

/// What a subscriber pays for: realistic verdicts, with full paths and, but for two, four ancestors each.
#[test]
fn usual_verdicts_take_at_most_160_bytes() {
    let mut lengths: Vec<usize> =
        cases::all().iter().filter(|case| case.usual).map(|case| case.payload.len()).collect();
    lengths.sort_unstable();
    assert!(lengths.len() >= 9 + 13, "three each of three detectors, one each of thirteen");
    let middle = lengths[lengths.len() / 2];
    assert!(middle <= 160, "the median of {lengths:?} is {middle}");
}
