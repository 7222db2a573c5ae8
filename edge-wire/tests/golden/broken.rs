//! Every invalid vector, with the reason a reader must refuse it for.

use edge_wire::{
    DetectorId, Evidence, Head, Heartbeat, Kind, MAX_PAYLOAD, SCHEMA_VERSION, Status, Verdict, VolatileExec,
    WireError, encode_heartbeat, encode_status, encode_verdict,
};

use crate::usual;

/// One invalid vector.
pub(crate) struct Broken {
    /// Name of its file, without the ending.
    pub(crate) name: &'static str,
    /// What is wrong with it.
    pub(crate) about: &'static str,
    /// The bytes.
    pub(crate) payload: Vec<u8>,
    /// What the decoder says.
    pub(crate) error: WireError,
}

/// Every invalid vector.
pub(crate) fn all() -> Vec<Broken> {
    let mut all = envelopes();
    all.extend(cuts());
    all.extend(lengths());
    all.extend(varints());
    all
}

/// A payload whose body does not decode.
fn body(name: &'static str, about: &'static str, payload: Vec<u8>, kind: Kind) -> Broken {
    // The length in the error is that of the part that was being read: the head and evidence, or the evidence alone.
    let error = WireError::Body { kind, length: payload.len() - 2 };
    Broken { name, about, payload, error }
}

/// A verdict that a web page's miner caused; any real one would do.
fn verdict() -> Vec<u8> {
    let mut verdicts = usual::all().into_iter();
    let found = verdicts.find(|(name, ..)| *name == "verdict_volatile_exec_miner");
    found
        .and_then(|(.., verdict)| encode_verdict(&verdict).ok())
        .map_or_else(Vec::new, |payload| payload.to_vec())
}

/// A verdict of zeros.
fn smallest_verdict() -> Vec<u8> {
    let head = Head { detector: DetectorId::VOLATILE_EXEC, ..Head::default() };
    let evidence = Evidence::VolatileExec(VolatileExec::default());
    encode_verdict(&Verdict { head, evidence }).map_or_else(|_| Vec::new(), |payload| payload.to_vec())
}

/// A status of zeros.
fn smallest_status() -> Vec<u8> {
    encode_status(&Status::default()).map_or_else(|_| Vec::new(), |payload| payload.to_vec())
}

/// What is wrong before the body begins.
fn envelopes() -> Vec<Broken> {
    let old = WireError::Version { found: 0, known: SCHEMA_VERSION };
    let new = WireError::Version { found: 2, known: SCHEMA_VERSION };
    let long = WireError::Oversize { length: MAX_PAYLOAD + 1, limit: MAX_PAYLOAD };
    let with = |at: usize, value: u8| {
        let mut payload = verdict();
        payload[at] = value;
        payload
    };
    let stretched = |version: u8| {
        let mut payload = smallest_status();
        payload.resize(MAX_PAYLOAD + 1, 0);
        payload[0] = version;
        payload
    };
    let broken = |name, about, payload, error| Broken { name, about, payload, error };
    vec![
        broken(
            "invalid_empty",
            "no bytes; an empty retained payload clears a topic",
            vec![],
            WireError::Empty,
        ),
        broken("invalid_half_envelope", "a version without a kind", vec![SCHEMA_VERSION], WireError::Empty),
        broken("invalid_version_0", "schema version 0", with(0, 0), old),
        broken("invalid_version_2", "a later schema version: say so, do not guess", with(0, 2), new),
        broken("invalid_version_2_oversize", "the version is judged before the length", stretched(2), new),
        broken("invalid_kind_0", "kind 0", with(1, 0), WireError::Kind(0)),
        broken("invalid_kind_4", "a later kind", with(1, 4), WireError::Kind(4)),
        broken("invalid_oversize", "one byte more than any message has", stretched(SCHEMA_VERSION), long),
    ]
}

/// Payloads that end too early.
fn cuts() -> Vec<Broken> {
    let cut = |name, about, payload: &[u8], length: usize, kind| {
        body(name, about, payload[..length].to_vec(), kind)
    };
    let verdict = verdict();
    let heartbeat = encode_heartbeat(&Heartbeat::default()).unwrap_or_default();
    let status = smallest_status();
    let end = verdict.len();
    // flags, a path and a directory that are both empty, the reason
    let evidence = 1 + 1 + 1 + 1;
    vec![
        cut("invalid_verdict_no_body", "only the envelope", &verdict, 2, Kind::Verdict),
        cut("invalid_heartbeat_no_body", "only the envelope", &heartbeat, 2, Kind::Heartbeat),
        cut("invalid_status_no_body", "only the envelope", &status, 2, Kind::Status),
        cut("invalid_verdict_cut_boot_id", "ends inside boot_id", &verdict, 10, Kind::Verdict),
        cut("invalid_verdict_cut_varint", "ends inside the varint event_us", &verdict, 22, Kind::Verdict),
        cut("invalid_verdict_cut_string", "ends inside subject.exe", &verdict, 70, Kind::Verdict),
        cut("invalid_verdict_cut_lineage", "ends inside the lineage", &verdict, 100, Kind::Verdict),
        Broken {
            error: WireError::Body { kind: Kind::Verdict, length: 0 },
            ..cut(
                "invalid_verdict_no_evidence",
                "ends where the evidence begins",
                &verdict,
                end - evidence,
                Kind::Verdict,
            )
        },
        Broken {
            error: WireError::Body { kind: Kind::Verdict, length: evidence - 1 },
            ..cut("invalid_verdict_cut_last", "the last byte is missing", &verdict, end - 1, Kind::Verdict)
        },
        cut(
            "invalid_heartbeat_cut_last",
            "the last byte is missing",
            &heartbeat,
            heartbeat.len() - 1,
            Kind::Heartbeat,
        ),
        cut("invalid_status_cut_last", "the last byte is missing", &status, status.len() - 1, Kind::Status),
    ]
}

/// Lengths and counts beyond what the field may hold, though the bytes for them are there.
fn lengths() -> Vec<Broken> {
    let mut version = smallest_status();
    version.pop();
    version.push(17);
    version.extend_from_slice(&[b'x'; 17]);

    let mut lineage = smallest_verdict();
    // boot_id; four numbers; detector; technique; four vocabularies; the five fields of the subject.
    lineage.truncate(2 + 16 + 4 + 1 + 2 + 4 + 5);
    lineage.push(5);
    lineage.extend_from_slice(&[0; 5 * 3 + 1 + 3]);

    let mut detectors = encode_heartbeat(&Heartbeat::default()).unwrap_or_default().to_vec();
    // The count of none, and `live`.
    detectors.truncate(detectors.len() - 2);
    detectors.push(29);
    detectors.extend_from_slice(&[0; 29 * 4 + 1]);

    let mut claimed = smallest_status();
    claimed.pop();
    claimed.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    vec![
        body(
            "invalid_string_too_long",
            "a version of 17 bytes, where 16 are the limit",
            version,
            Kind::Status,
        ),
        body("invalid_lineage_too_long", "five ancestors, where four are the limit", lineage, Kind::Verdict),
        body(
            "invalid_detectors_too_many",
            "29 detectors, where 28 are the limit",
            detectors,
            Kind::Heartbeat,
        ),
        body(
            "invalid_string_claims_4_gib",
            "a length of 4294967295 and no bytes: allocate nothing",
            claimed,
            Kind::Status,
        ),
    ]
}

/// Varints that do not fit their type.
fn varints() -> Vec<Broken> {
    let status = |incarnation: &[u8], wall_ms: &[u8]| {
        // state, boot_id; the two numbers; an empty version.
        let mut payload = smallest_status()[..2 + 1 + 16].to_vec();
        payload.extend_from_slice(incarnation);
        payload.extend_from_slice(wall_ms);
        payload.push(0);
        payload
    };
    let wide_u32 = status(&[0xff, 0xff, 0xff, 0xff, 0x1f], &[0]);
    let wide_u64 = status(&[0], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]);
    let endless = status(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], &[0]);
    let mut wide_u16 = smallest_verdict();
    // The technique's number follows boot_id, four numbers and the detector.
    wide_u16.splice(2 + 16 + 4 + 1..2 + 16 + 4 + 2, [0xff, 0xff, 0x04]);
    vec![
        body(
            "invalid_varint_u16",
            "technique.number is 81919, more than 16 bits hold",
            wide_u16,
            Kind::Verdict,
        ),
        body(
            "invalid_varint_u32",
            "incarnation is 8589934591, more than 32 bits hold",
            wide_u32,
            Kind::Status,
        ),
        body("invalid_varint_u64", "wall_ms has its 65th bit set", wide_u64, Kind::Status),
        body("invalid_varint_endless", "incarnation goes on after five bytes", endless, Kind::Status),
    ]
}
