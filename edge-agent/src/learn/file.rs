//! The file that keeps what `new_egress` has learnt.
//!
//! ```text
//! 8  "EDGEKNWN"        8  seconds learnt so far
//! 2  version, 1        20 each entry: program 4, port 2, protocol 1, kind 1, network 6, zeros 2, count 4
//! 2  zeros             4  CRC-32 (IEEE) of everything before
//! 4  entries
//! ```
//! All numbers little-endian. A file that is not exactly this is named and not used: what it might have held is then learnt
//! again, or told.

use core::fmt;
use core::time::Duration;

use edge_abi::{EGRESS_KNOWN, EgressKey, egress_kind};

/// What the file begins with.
const MAGIC: &[u8; 8] = b"EDGEKNWN";
/// Version of the layout.
const VERSION: u16 = 1;
/// Bytes before the entries.
const HEAD: usize = 24;
/// Bytes of an entry.
const ENTRY: usize = 20;
/// Bytes of the sum at the end.
const SUM: usize = 4;

/// Longest file there is, in bytes.
pub const FILE_BYTES: usize = HEAD + EGRESS_KNOWN as usize * ENTRY + SUM;

/// What was learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// For how long, in whole seconds of running.
    pub time: Duration,
    /// Where programs go and on what they listen, and the count of [`edge_abi::Known`]; at most [`EGRESS_KNOWN`], sorted.
    pub entries: Vec<(EgressKey, u32)>,
}

/// Why bytes are not such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileError {
    /// An entry holds what the kernel side never writes.
    Entry {
        /// Which one, from 0.
        index: usize,
    },
    /// It does not begin as such a file does.
    Magic,
    /// Its length is not what its head says.
    Size {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// Its sum is wrong: it was cut, or changed.
    Sum,
    /// Another version.
    Version {
        /// Version found.
        found: u16,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { index } => write!(out, "entry {index} is not one"),
            Self::Magic => out.write_str("it does not begin with EDGEKNWN"),
            Self::Size { found, expected } => write!(out, "{found} bytes are not {expected}"),
            Self::Sum => out.write_str("its sum is wrong"),
            Self::Version { found } => write!(out, "version {found} is not {VERSION}"),
        }
    }
}

impl core::error::Error for FileError {}

/// The bytes of a file. Entries beyond [`EGRESS_KNOWN`] are left out; the kernel side has no more.
#[must_use]
pub fn encode(learnt: &Learnt) -> Vec<u8> {
    let entries = learnt.entries.iter().take(EGRESS_KNOWN as usize);
    let mut bytes = Vec::with_capacity(HEAD + entries.len() * ENTRY + SUM);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&learnt.time.as_secs().to_le_bytes());
    for (key, count) in entries {
        bytes.extend_from_slice(&key.program.to_le_bytes());
        bytes.extend_from_slice(&key.port.to_le_bytes());
        bytes.extend_from_slice(&[key.protocol, key.kind]);
        bytes.extend_from_slice(&key.network);
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&count.to_le_bytes());
    }
    let sum = crc32(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// Reads the bytes of a file.
///
/// # Errors
/// A [`FileError`]. Never panics, whatever the bytes.
pub fn decode(bytes: &[u8]) -> Result<Learnt, FileError> {
    let too_short = FileError::Size { found: bytes.len(), expected: HEAD + SUM };
    let (body, sum) = bytes.split_last_chunk::<SUM>().ok_or(too_short)?;
    let (magic, rest) = body.split_first_chunk::<8>().ok_or(too_short)?;
    if magic != MAGIC {
        return Err(FileError::Magic);
    }
    let (version, rest) = rest.split_first_chunk::<2>().ok_or(too_short)?;
    let found = u16::from_le_bytes(*version);
    if found != VERSION {
        return Err(FileError::Version { found });
    }
    let (_, rest) = rest.split_first_chunk::<2>().ok_or(too_short)?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or(too_short)?;
    let (seconds, entries) = rest.split_first_chunk::<8>().ok_or(too_short)?;
    let count = u32::from_le_bytes(*count).min(EGRESS_KNOWN) as usize;
    if entries.len() != count * ENTRY {
        return Err(FileError::Size { found: bytes.len(), expected: HEAD + count * ENTRY + SUM });
    }
    if crc32(body) != u32::from_le_bytes(*sum) {
        return Err(FileError::Sum);
    }
    let entries = entries.chunks_exact(ENTRY).enumerate();
    let entries: Result<Vec<_>, _> =
        entries.map(|(index, bytes)| entry(bytes).ok_or(FileError::Entry { index })).collect();
    Ok(Learnt { time: Duration::from_secs(u64::from_le_bytes(*seconds)), entries: entries? })
}

/// Reads one entry.
fn entry(bytes: &[u8]) -> Option<(EgressKey, u32)> {
    let (program, rest) = bytes.split_first_chunk::<4>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let ([protocol, kind], rest) = rest.split_first_chunk::<2>()?;
    let (network, rest) = rest.split_first_chunk::<6>()?;
    let (reserved, rest) = rest.split_first_chunk::<2>()?;
    let (count, _) = rest.split_first_chunk::<4>()?;
    let key = EgressKey {
        program: u32::from_le_bytes(*program),
        port: u16::from_le_bytes(*port),
        protocol: *protocol,
        kind: *kind,
        network: *network,
        reserved: [0; 2],
    };
    let known = matches!(
        key.kind,
        egress_kind::LISTENER
            | egress_kind::ANYWHERE
            | egress_kind::ANY_LISTENER
            | egress_kind::IPV4
            | egress_kind::IPV6
    );
    (known && *reserved == [0; 2]).then(|| (key, u32::from_le_bytes(*count)))
}

/// CRC-32 as of IEEE 802.3, bit by bit: five kilobytes a few times a day.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt() -> Learnt {
        let key = |port| EgressKey {
            program: 0xdead_beef,
            port,
            protocol: 6,
            kind: egress_kind::IPV4,
            network: [10, 0, 0, 0, 0, 0],
            reserved: [0; 2],
        };
        Learnt { time: Duration::from_secs(90_061), entries: vec![(key(443), 1), (key(8883), 3)] }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(decode(&encode(&learnt())).unwrap(), learnt());
        assert_eq!(decode(&encode(&Learnt::default())).unwrap(), Learnt::default());
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926, "the published check value");
        let full = Learnt { entries: vec![learnt().entries[0]; 300], ..learnt() };
        assert_eq!(encode(&full).len(), FILE_BYTES);
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let good = encode(&learnt());
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn each_fault_is_named() {
        let good = encode(&learnt());
        assert_eq!(decode(b"").unwrap_err().to_string(), "0 bytes are not 28");
        assert_eq!(decode(&good[..good.len() - 1]).unwrap_err().to_string(), "67 bytes are not 68");
        assert_eq!(decode(&[b"x", &good[1..]].concat()), Err(FileError::Magic));
        assert_eq!(decode(&[MAGIC, &[2][..], &good[9..]].concat()), Err(FileError::Version { found: 2 }));
        let mut strange = learnt();
        strange.entries[1].0.kind = 9;
        assert_eq!(decode(&encode(&strange)), Err(FileError::Entry { index: 1 }));
        let mut cut = good;
        cut[30] ^= 1;
        assert_eq!(decode(&cut), Err(FileError::Sum));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
