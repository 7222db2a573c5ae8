//! Storage: equal blocks, chained when a payload needs several, so that no size can fragment it.

use super::{Entry, PAYLOAD_BYTES};

/// Payload bytes per block: the block is 96 bytes, and two of them hold a usual verdict of 160.
const BLOCK_PAYLOAD: usize = 84;

/// A block by number. Zero means none, so that an empty pool is all zero bytes and a static one needs no room in the
/// binary.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Index(u16);

impl Index {
    /// No block.
    pub(super) const NONE: Self = Self(0);
}

/// A block; the first one of an entry also carries the entry's own facts.
#[derive(Clone, Copy)]
struct Block {
    /// Sequence number of the entry (first block only).
    sequence: u32,
    /// Payload length of the entry (first block only).
    length: u16,
    /// First block of the entry behind this one (first block only).
    next: Index,
    /// The block that continues this payload, or the next free block.
    chain: Index,
    /// Keeps the block a multiple of eight bytes, and says so.
    _reserved: u16,
    /// A piece of the payload.
    bytes: [u8; BLOCK_PAYLOAD],
}

const _: () = assert!(size_of::<Block>() == 96, "the documented cost of the queue");

/// `BLOCKS` blocks, some of them in use.
pub(super) struct Pool<const BLOCKS: usize> {
    /// All blocks.
    blocks: [Block; BLOCKS],
    /// Blocks that were used and freed, last freed first: warm memory is used again first.
    freed: Index,
    /// Blocks ever used; those beyond have not been touched.
    fresh: u16,
    /// Blocks in use.
    used: u16,
}

/// Blocks a payload takes; an empty one still needs a place.
pub(super) const fn blocks_for(payload_bytes: usize) -> usize {
    if payload_bytes == 0 { 1 } else { payload_bytes.div_ceil(BLOCK_PAYLOAD) }
}

impl<const BLOCKS: usize> Pool<BLOCKS> {
    /// A pool with every block free.
    pub(super) const fn new() -> Self {
        let block = Block {
            sequence: 0,
            length: 0,
            next: Index::NONE,
            chain: Index::NONE,
            _reserved: 0,
            bytes: [0; BLOCK_PAYLOAD],
        };
        Self { blocks: [block; BLOCKS], freed: Index::NONE, fresh: 0, used: 0 }
    }

    /// Blocks not in use.
    pub(super) fn free(&self) -> usize {
        BLOCKS.saturating_sub(usize::from(self.used))
    }

    /// The block behind a number.
    fn block(&mut self, at: Index) -> Option<&mut Block> {
        self.blocks.get_mut(usize::from(at.0).checked_sub(1)?)
    }

    /// Takes a free block, warm ones first.
    fn take(&mut self) -> Option<Index> {
        let at = if self.freed == Index::NONE {
            if usize::from(self.fresh) >= BLOCKS {
                return None;
            }
            self.fresh += 1;
            Index(self.fresh)
        } else {
            let at = self.freed;
            self.freed = self.block(at)?.chain;
            at
        };
        self.used += 1;
        Some(at)
    }

    /// Gives a block back.
    fn give(&mut self, at: Index) {
        let freed = self.freed;
        if let Some(block) = self.block(at) {
            block.chain = freed;
            self.freed = at;
            self.used -= 1;
        }
    }

    /// Stores a payload in a chain of blocks and returns the first. `None`, and nothing taken, when there is no room.
    pub(super) fn store(&mut self, sequence: u32, payload: &[u8]) -> Option<Index> {
        if payload.len() > PAYLOAD_BYTES || blocks_for(payload.len()) > self.free() {
            return None;
        }
        let first = self.take()?;
        let block = self.block(first)?;
        block.sequence = sequence;
        block.length = payload.len() as u16;
        block.next = Index::NONE;
        block.chain = Index::NONE;
        let mut at = first;
        let mut pieces = payload.chunks(BLOCK_PAYLOAD).peekable();
        while let Some(piece) = pieces.next() {
            let room = self.block(at)?.bytes.get_mut(..piece.len())?;
            room.copy_from_slice(piece);
            if pieces.peek().is_some() {
                let more = self.take()?;
                self.block(at)?.chain = more;
                self.block(more)?.chain = Index::NONE;
                at = more;
            }
        }
        Some(first)
    }

    /// Makes `next` the entry behind `at`.
    pub(super) fn set_next(&mut self, at: Index, next: Index) {
        if let Some(block) = self.block(at) {
            block.next = next;
        }
    }

    /// Frees an entry; returns it and the one behind it.
    pub(super) fn release(&mut self, first: Index, severity: u8) -> Option<(Entry, Index)> {
        let head = self.block(first)?;
        let (sequence, next, length) = (head.sequence, head.next, usize::from(head.length));
        let mut payload = heapless::Vec::<u8, PAYLOAD_BYTES>::new();
        let mut at = first;
        while at != Index::NONE {
            let block = self.block(at)?;
            let piece = block.bytes.get(..BLOCK_PAYLOAD.min(length.saturating_sub(payload.len())))?;
            payload.extend_from_slice(piece).ok()?;
            let chain = block.chain;
            self.give(at);
            at = chain;
        }
        let entry = Entry::new(severity, sequence, &payload).ok()?;
        Some((entry, next))
    }
}
