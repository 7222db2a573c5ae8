//! Decoding of one record.

use core::fmt;

use bytemuck::Pod;
use edge_abi::{
    ABI_VERSION, ActRecord, Detector, FileTamperRecord, Header, LateralScanRecord, Mode, Outcome, ScanReason,
    TamperReason, VolatileExecRecord,
};
use edge_wire::Reason;

use crate::decide::detectors::{Spec, spec_of};

/// A record that is what it claims to be.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Common head, version and lengths checked.
    pub header: Header,
    /// What the detector may do.
    pub mode: Mode,
    /// What the kernel program did.
    pub outcome: Outcome,
    /// What the detector saw.
    pub facts: Facts,
}

/// The part of a record that is its detector's own.
#[derive(Clone, Copy, Debug)]
pub enum Facts {
    /// Of a detector of acts.
    Act(ActRecord, &'static Spec),
    /// Of `file_tamper`.
    FileTamper(FileTamperRecord, TamperReason),
    /// Of `lateral_scan`.
    LateralScan(LateralScanRecord, ScanReason),
    /// Of `volatile_exec`.
    VolatileExec(VolatileExecRecord),
}

/// Why bytes are not a record. The kernel side of another build is at fault, or the ring is corrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventError {
    /// Another ABI.
    Abi {
        /// Version found.
        found: u16,
    },
    /// No such detector.
    Detector(u8),
    /// A number outside its vocabulary.
    Field {
        /// Which field.
        name: &'static str,
        /// What it holds.
        value: u32,
        /// The largest it may hold.
        limit: u32,
    },
    /// Not the size of this detector's record.
    Size {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
}

impl fmt::Display for EventError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abi { found } => write!(out, "record of abi {found} is not {ABI_VERSION}"),
            Self::Detector(raw) => write!(out, "detector {raw} is unknown"),
            Self::Field { name, value, limit } => write!(out, "field {name} holds {value}, limit {limit}"),
            Self::Size { found, expected } => write!(out, "record of {found} bytes is not {expected}"),
        }
    }
}

impl core::error::Error for EventError {}

/// Decodes one record.
///
/// # Errors
/// An [`EventError`] naming field, value and limit. Never panics, whatever the bytes.
pub fn decode(bytes: &[u8]) -> Result<Event, EventError> {
    let header: Header = pod(bytes.get(..size_of::<Header>()).unwrap_or(bytes))?;
    if header.abi != ABI_VERSION {
        return Err(EventError::Abi { found: header.abi });
    }
    let outcome = Outcome::from_raw(header.outcome).ok_or(EventError::Field {
        name: "outcome",
        value: u32::from(header.outcome),
        limit: Outcome::KillFailed as u32,
    })?;
    let facts = match Detector::from_raw(header.detector).ok_or(EventError::Detector(header.detector))? {
        Detector::FileTamper => {
            let record: FileTamperRecord = pod(bytes)?;
            check("path_len", u32::from(record.path_len), record.path.len())?;
            let reason = TamperReason::from_raw(record.reason).ok_or(EventError::Field {
                name: "reason",
                value: u32::from(record.reason),
                limit: TamperReason::MassDelete as u32,
            })?;
            Facts::FileTamper(record, reason)
        }
        Detector::LateralScan => {
            let record: LateralScanRecord = pod(bytes)?;
            let reason = ScanReason::from_raw(record.reason).ok_or(EventError::Field {
                name: "reason",
                value: record.reason,
                limit: ScanReason::Spread as u32,
            })?;
            if record.family != 4 && record.family != 6 {
                return Err(EventError::Field { name: "family", value: u32::from(record.family), limit: 6 });
            }
            Facts::LateralScan(record, reason)
        }
        Detector::VolatileExec => {
            let record: VolatileExecRecord = pod(bytes)?;
            check("path_len", record.path_len, record.path.len())?;
            check("cwd_len", record.cwd_len, record.cwd.len())?;
            Facts::VolatileExec(record)
        }
        detector => {
            let spec = spec_of(detector).ok_or(EventError::Detector(header.detector))?;
            let record: ActRecord = pod(bytes)?;
            check("path_len", u32::from(record.path_len), record.path.len())?;
            if !matches!(record.family, 0 | 4 | 6) {
                return Err(EventError::Field { name: "family", value: u32::from(record.family), limit: 6 });
            }
            if Reason(record.reason).name().is_none() {
                let limit = Reason::ALL.last().map_or(0, |last| u32::from(last.0));
                return Err(EventError::Field { name: "reason", value: u32::from(record.reason), limit });
            }
            Facts::Act(record, spec)
        }
    };
    Ok(Event { header, mode: Mode::from_raw(header.mode), outcome, facts })
}

/// Reads a plain struct of exactly its size.
fn pod<T: Pod>(bytes: &[u8]) -> Result<T, EventError> {
    bytemuck::try_pod_read_unaligned(bytes)
        .map_err(|_| EventError::Size { found: bytes.len(), expected: size_of::<T>() })
}

/// Refuses a length beyond its field.
fn check(name: &'static str, value: u32, limit: usize) -> Result<(), EventError> {
    if value as usize > limit {
        return Err(EventError::Field { name, value, limit: limit as u32 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytemuck::Zeroable as _;

    use super::*;

    fn exec() -> VolatileExecRecord {
        let mut record = VolatileExecRecord::zeroed();
        record.header.abi = ABI_VERSION;
        record.header.detector = Detector::VolatileExec as u8;
        record
    }

    #[test]
    fn a_good_record_decodes() {
        let event = decode(bytemuck::bytes_of(&exec())).unwrap();
        assert!(matches!(event.facts, Facts::VolatileExec(_)));
        assert_eq!((event.outcome, event.mode), (Outcome::Reported, Mode::Off));
    }

    #[test]
    fn each_lie_is_named() {
        let mut record = exec();
        record.path_len = 129;
        let error = decode(bytemuck::bytes_of(&record)).unwrap_err();
        assert_eq!(error, EventError::Field { name: "path_len", value: 129, limit: 128 });
        let mut record = exec();
        record.header.outcome = 9;
        assert_eq!(
            decode(bytemuck::bytes_of(&record)).unwrap_err().to_string(),
            "field outcome holds 9, limit 3"
        );
        let mut record = exec();
        record.header.abi = 7;
        assert_eq!(decode(bytemuck::bytes_of(&record)).unwrap_err(), EventError::Abi { found: 7 });
        let mut record = exec();
        record.header.detector = Detector::FileTamper as u8;
        let found = size_of::<VolatileExecRecord>();
        let expected = size_of::<FileTamperRecord>();
        assert_eq!(decode(bytemuck::bytes_of(&record)).unwrap_err(), EventError::Size { found, expected });
        assert_eq!(decode(b"").unwrap_err(), EventError::Size { found: 0, expected: size_of::<Header>() });
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_decode_or_say_why(
            size in proptest::sample::select(vec![0_usize, 55, 56, 96, 240, 264, 300]),
            detector in 0_u8..30,
            mut bytes in proptest::collection::vec(0_u8.., 300),
        ) {
            bytes[..2].copy_from_slice(&ABI_VERSION.to_ne_bytes());
            bytes[2] = detector;
            if let Err(error) = decode(&bytes[..size]) {
                proptest::prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
