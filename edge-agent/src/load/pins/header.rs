//! What an agent leaves in writing beside its maps and links, for the next one.

use std::io;

use bytemuck::{Pod, Zeroable};

use super::Identity;
use crate::load::handover::DESCRIPTORS;
use crate::load::report::Report;

/// What it begins with; its last byte is the version of this layout.
const MAGIC: [u8; 8] = *b"edgepin\x01";

/// Before the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(in crate::load) struct Header {
    /// [`MAGIC`].
    magic: [u8; 8],
    /// What was loaded.
    pub identity: Identity,
    /// When, in boot time.
    pub made_ns: u64,
    /// Maps with a name.
    pub maps: u32,
    /// Links with a name.
    pub links: u32,
}

impl Header {
    /// Of these.
    pub(super) fn new(identity: Identity, maps: usize, links: usize, made_ns: u64) -> Self {
        Self { magic: MAGIC, identity, made_ns, maps: maps as u32, links: links as u32 }
    }

    /// With the report behind it.
    ///
    /// # Errors
    /// None that the format knows of.
    pub(super) fn encode(&self, report: &Report) -> io::Result<Vec<u8>> {
        // By the same code as the loader's, of which another would be a copy.
        let report = postcard::to_allocvec(report).map_err(io::Error::other)?;
        Ok([bytemuck::bytes_of(self), &report].concat())
    }

    /// Reads both.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, Report), String> {
        let (header, report) = bytes
            .split_first_chunk::<{ size_of::<Self>() }>()
            .ok_or_else(|| format!("{} bytes, at least {}", bytes.len(), size_of::<Self>()))?;
        let header: Self = bytemuck::pod_read_unaligned(header);
        if header.magic != MAGIC {
            return Err("of another version, or of somebody else".into());
        }
        let descriptors = u64::from(header.maps) + u64::from(header.links);
        if descriptors > DESCRIPTORS as u64 {
            return Err(format!("{descriptors} maps and links, at most {DESCRIPTORS}"));
        }
        let (report, rest): (Report, _) =
            postcard::take_from_bytes(report).map_err(|_| "its report does not decode".to_owned())?;
        if !rest.is_empty() || report.maps.len() != header.maps as usize {
            return Err(format!(
                "{} bytes too many, {} maps in the report, {} with a name",
                rest.len(),
                report.maps.len(),
                header.maps
            ));
        }
        Ok((header, report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::MapCost;

    fn written() -> (Header, Report, Vec<u8>) {
        let header = Header::new(Identity { object: 1, plan: 2 }, 1, 9, 3);
        let maps = vec![MapCost { name: "EVENTS".into(), bytes: 5 }];
        let report = Report { maps, took_ms: 7, ..Report::default() };
        let bytes = header.encode(&report).unwrap();
        (header, report, bytes)
    }

    #[test]
    fn comes_back_as_it_was() {
        let (header, report, bytes) = written();
        assert_eq!(Header::decode(&bytes), Ok((header, report)));
    }

    #[test]
    fn any_other_bytes_are_an_error() {
        let (_, _, bytes) = written();
        for length in 0..bytes.len() {
            assert!(Header::decode(&bytes[..length]).is_err(), "{length}");
        }
        for at in 0..8 {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(Header::decode(&other).is_err());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(
            Header::decode(&longer).unwrap_err(),
            "1 bytes too many, 1 maps in the report, 1 with a name"
        );
        let mut many = bytes;
        many[32..36].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(
            Header::decode(&many).unwrap_err(),
            format!("{} maps and links, at most 1024", u64::from(u32::MAX) + 9)
        );
    }
}
