//! What an access does to a file, as the watch tables tell it apart.

use edge_abi::{Watch, WatchSlot};

use crate::blur::blur;

/// Kinds of access, one bit each.
#[derive(Clone, Copy)]
pub(super) struct Slots(u8);

impl Slots {
    /// One kind.
    pub(super) const fn of(slot: WatchSlot) -> Self {
        Self(1 << slot as u8)
    }

    /// Both.
    pub(super) const fn with(self, slot: WatchSlot) -> Self {
        Self(self.0 | 1 << slot as u8)
    }

    /// The same, as far as the verifier knows any.
    #[inline(always)]
    pub(super) fn blurred(self, noise: u32) -> Self {
        Self(blur(self.0.into(), noise) as u8)
    }

    /// Whether it is reading and nothing else.
    #[inline(always)]
    pub(super) const fn reads(self) -> bool {
        self.0 == 1 << WatchSlot::Read as u8
    }

    /// Those of the detectors in a [`Watch`], as one number, that these kinds of access concern. Without a branch.
    #[inline(always)]
    pub(super) fn mask(self) -> u64 {
        let byte = |slot: WatchSlot| (self.0 >> slot as u8 & 1).wrapping_neg();
        u64::from_ne_bytes([
            byte(WatchSlot::Read),
            byte(WatchSlot::Write),
            byte(WatchSlot::Remove),
            0,
            0,
            0,
            0,
            0,
        ])
    }

    /// Whether a kind is among them.
    #[inline(always)]
    pub(super) const fn has(self, slot: WatchSlot) -> bool {
        self.0 & 1 << slot as u8 != 0
    }

    /// Who watches for one of them, and why: removing before writing.
    #[inline(always)]
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "a value of a map, of which only what is asked for is read"
    )]
    pub(super) const fn of_watch(self, watch: &Watch) -> Option<(u8, u8)> {
        let ([read, write, remove], [of_read, of_write, of_remove]) = (watch.detectors, watch.reasons);
        if self.has(WatchSlot::Remove) && remove != 0 {
            Some((remove, of_remove))
        } else if self.has(WatchSlot::Write) && write != 0 {
            Some((write, of_write))
        } else if self.has(WatchSlot::Read) && read != 0 {
            Some((read, of_read))
        } else {
            None
        }
    }
}
