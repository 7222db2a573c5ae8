//! Messages to bytes and back.

use serde::{Deserialize, Serialize};

use crate::{
    DetectorId, Evidence, Head, Heartbeat, Kind, MAX_PAYLOAD, Payload, SCHEMA_VERSION, Status, Verdict,
    WireError,
};

/// A decoded payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Health and books.
    Heartbeat(Heartbeat),
    /// Online, stopped or lost.
    Status(Status),
    /// A finding.
    Verdict(Verdict),
}

/// Appends postcard bodies to a payload.
struct Writer {
    /// Bytes written so far, the envelope included.
    payload: Payload,
}

impl Writer {
    /// A payload that holds the envelope of `kind`.
    fn new(kind: Kind) -> Self {
        let mut payload = Payload::new();
        // Two bytes into an empty vector of MAX_PAYLOAD.
        let _ = payload.extend_from_slice(&[SCHEMA_VERSION, kind as u8]);
        Self { payload }
    }

    /// Appends one struct.
    fn body<T: Serialize>(mut self, body: &T) -> Result<Self, WireError> {
        let full = WireError::Full { limit: MAX_PAYLOAD };
        let start = self.payload.len();
        self.payload.resize_default(MAX_PAYLOAD).map_err(|_| full)?;
        let free = self.payload.get_mut(start..).unwrap_or_default();
        let used = postcard::to_slice(body, free).map_err(|_| full)?.len();
        self.payload.truncate(start + used);
        Ok(self)
    }
}

/// Encodes a verdict.
///
/// # Errors
/// [`WireError::Evidence`] when the evidence is [`Evidence::Unknown`] or not of the detector named in the head: such a
/// verdict has no bytes. A well-formed verdict always fits (see [`crate::max`]).
pub fn encode_verdict(verdict: &Verdict) -> Result<Payload, WireError> {
    let head = Writer::new(Kind::Verdict).body(&verdict.head)?;
    let written = match (&verdict.evidence, verdict.head.detector) {
        (Evidence::FileTamper(evidence), DetectorId::FILE_TAMPER) => head.body(evidence),
        (Evidence::LateralScan(evidence), DetectorId::LATERAL_SCAN) => head.body(evidence),
        (Evidence::VolatileExec(evidence), DetectorId::VOLATILE_EXEC) => head.body(evidence),
        (Evidence::Act(evidence), detector) if detector.has_act() => head.body(evidence),
        (_, detector) => Err(WireError::Evidence(detector)),
    }?;
    Ok(written.payload)
}

/// Encodes a heartbeat.
pub fn encode_heartbeat(heartbeat: &Heartbeat) -> Result<Payload, WireError> {
    Ok(Writer::new(Kind::Heartbeat).body(heartbeat)?.payload)
}

/// Encodes a status.
pub fn encode_status(status: &Status) -> Result<Payload, WireError> {
    Ok(Writer::new(Kind::Status).body(status)?.payload)
}

/// Decodes any payload. Bytes after the fields this version knows are ignored, since newer agents append.
///
/// # Errors
/// A [`WireError`] that names what is wrong. Never panics, whatever the bytes.
pub fn decode(payload: &[u8]) -> Result<Message, WireError> {
    let [version, kind, body @ ..] = payload else {
        return Err(WireError::Empty);
    };
    if *version != SCHEMA_VERSION {
        return Err(WireError::Version { found: *version, known: SCHEMA_VERSION });
    }
    if payload.len() > MAX_PAYLOAD {
        return Err(WireError::Oversize { length: payload.len(), limit: MAX_PAYLOAD });
    }
    let kind = Kind::from_raw(*kind).ok_or(WireError::Kind(*kind))?;
    match kind {
        Kind::Heartbeat => take(body, kind).map(|(heartbeat, _)| Message::Heartbeat(heartbeat)),
        Kind::Status => take(body, kind).map(|(status, _)| Message::Status(status)),
        Kind::Verdict => {
            let (head, rest): (Head, _) = take(body, kind)?;
            let evidence = match head.detector {
                DetectorId::FILE_TAMPER => Evidence::FileTamper(take(rest, kind)?.0),
                DetectorId::LATERAL_SCAN => Evidence::LateralScan(take(rest, kind)?.0),
                DetectorId::VOLATILE_EXEC => Evidence::VolatileExec(take(rest, kind)?.0),
                detector if detector.has_act() => Evidence::Act(take(rest, kind)?.0),
                _ => Evidence::Unknown { length: rest.len() },
            };
            Ok(Message::Verdict(Verdict { head, evidence }))
        }
    }
}

/// One struct from the front of `bytes`, and what follows it.
fn take<'bytes, T: Deserialize<'bytes>>(
    bytes: &'bytes [u8],
    kind: Kind,
) -> Result<(T, &'bytes [u8]), WireError> {
    postcard::take_from_bytes(bytes).map_err(|_| WireError::Body { kind, length: bytes.len() })
}
