//! One verdict as it lies on flash.
//!
//! ```text
//! offset  bytes       meaning
//! 0       1           form of the frame, 1
//! 1       1           severity, 0 (info) to 4 (critical)
//! 2       4           sequence number, little endian
//! 6       at most 512 the payload, exactly as it is published
//! ```
//!
//! Length and CRC-32 are those of the store around it (`sequential-storage`). The payload has a schema version of its own and is not looked
//! into, so an agent of any version delivers what another one has kept.

use crate::queue::{Entry, PAYLOAD_BYTES};

/// The form that is written.
const FORM: u8 = 1;
/// Bytes before the payload.
const HEAD_BYTES: usize = 6;
/// Longest frame.
pub(super) const FRAME_BYTES: usize = HEAD_BYTES + PAYLOAD_BYTES;

/// Writes a verdict.
#[must_use]
pub(super) fn encode(entry: &Entry) -> heapless::Vec<u8, FRAME_BYTES> {
    let mut frame = heapless::Vec::new();
    // Together never more than the capacity, see `Entry`.
    let _ = frame.push(FORM);
    let _ = frame.push(entry.severity());
    let _ = frame.extend_from_slice(&entry.sequence().to_le_bytes());
    let _ = frame.extend_from_slice(entry.payload());
    frame
}

/// Reads a verdict; `None` for a frame of another form, or none at all.
#[must_use]
pub(super) fn decode(frame: &[u8]) -> Option<Entry> {
    let (head, payload) = frame.split_first_chunk::<HEAD_BYTES>()?;
    let [FORM, severity @ 0..=4, sequence @ ..] = *head else { return None };
    Entry::new(severity, u32::from_le_bytes(sequence), payload).ok()
}

/// Tells verdicts on flash apart: the payload names boot, incarnation and sequence (FNV-1a, 64 bits).
#[must_use]
pub(super) fn key(payload: &[u8]) -> u64 {
    payload.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for bytes in [0, 1, 160, PAYLOAD_BYTES] {
            let entry = Entry::new(3, 0x0403_0201, &vec![0xA5; bytes]).unwrap();
            let frame = encode(&entry);
            assert_eq!(frame.get(..6), Some(&[1, 3, 1, 2, 3, 4][..]));
            assert_eq!(decode(&frame), Some(entry));
        }
    }

    #[test]
    fn other_forms_are_not_guessed_at() {
        for frame in [&b""[..], &[1, 3, 0, 0, 0], &[2, 3, 0, 0, 0, 0, 9], &[1, 5, 0, 0, 0, 0, 9]] {
            assert_eq!(decode(frame), None, "{frame:?}");
        }
        assert_eq!(decode(&[1; FRAME_BYTES + 1]), None, "too long");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(frame in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            if let Some(entry) = decode(&frame) {
                proptest::prop_assert_eq!(&encode(&entry)[..], &frame[..]);
            }
        }
    }
}
