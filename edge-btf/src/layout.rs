//! How long the record of each kind is.

use crate::BtfError;
use crate::header::Section;
use crate::source::{Source, Window};

/// Bytes that follow a record, and bytes of each of its elements, by kind from 1 (`BTF_KIND_INT`) to 19 (`BTF_KIND_ENUM64`).
const KNOWN: [(u8, u8); 19] = [
    (4, 0),
    (0, 0),
    (12, 0),
    (0, 12),
    (0, 12),
    (0, 8),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 8),
    (4, 0),
    (0, 12),
    (0, 0),
    (4, 0),
    (0, 0),
    (0, 12),
];

/// Kinds that 7 bits can name.
const KINDS: usize = 128;

/// What is known of the kinds: [`KNOWN`], and what a layout section (`struct btf_layout`, Linux 7.1) says of newer ones.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// As in [`KNOWN`], from kind 20 on.
    newer: Vec<(u8, u8)>,
}

impl Layout {
    /// Reads what the section says of kinds that are not known here. What it says of others is not needed.
    pub(crate) fn read(
        source: &impl Source,
        window: &mut Window,
        section: Section,
    ) -> Result<Self, BtfError> {
        let mut newer = Vec::new();
        let mut at = section.start + 4 * (KNOWN.len() as u64 + 1);
        while at + 4 <= section.end && newer.len() + KNOWN.len() + 1 < KINDS {
            let [fixed, each, ..] = window.array::<4>(source, "layout of a kind", at, section.end)?;
            newer.push((fixed, each));
            at += 4;
        }
        Ok(Self { newer })
    }

    /// Bytes that follow a record of this kind, and bytes of each of its elements.
    pub(crate) fn of(&self, kind: u8) -> Option<(u8, u8)> {
        let index = usize::from(kind).checked_sub(1)?;
        KNOWN.get(index).or_else(|| self.newer.get(index.checked_sub(KNOWN.len())?)).copied()
    }

    /// The last kind that is known.
    pub(crate) fn last(&self) -> u32 {
        (KNOWN.len() + self.newer.len()) as u32
    }
}
