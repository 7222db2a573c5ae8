//! Where bytes come from: read by position, in pieces, never all at once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::BtfError;

/// Bytes that can be read by position.
pub trait Source {
    /// How many there are.
    fn size(&self) -> u64;

    /// Reads some bytes from `at` on; 0 only at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (slot, byte) in buffer.iter_mut().zip(rest) {
            *slot = *byte;
        }
        Ok(count)
    }
}

/// An open file.
#[derive(Debug)]
pub struct FileSource {
    /// The file.
    file: File,
    /// Its size when it was opened.
    size: u64,
}

impl FileSource {
    /// Takes an open file.
    ///
    /// # Errors
    /// When its size cannot be told.
    pub fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self { file, size })
    }
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// A part of another source, such as a section of an ELF file.
#[derive(Debug)]
pub struct Part<S> {
    /// What it is a part of.
    pub whole: S,
    /// Its first byte there.
    pub start: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

impl<S: Source> Source for Part<S> {
    fn size(&self) -> u64 {
        self.bytes.min(self.whole.size().saturating_sub(self.start))
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.size().saturating_sub(at);
        let count = usize::try_from(rest).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..count) else { return Ok(0) };
        self.whole.read_at(self.start.saturating_add(at), buffer)
    }
}

/// Bytes of a window: what sysfs gives at once.
const WINDOW: usize = 4096;

/// A window that moves over a source.
#[derive(Debug)]
pub(crate) struct Window {
    /// What the window shows.
    bytes: Box<[u8; WINDOW]>,
    /// Where it stands.
    start: u64,
    /// How many of `bytes` are valid.
    filled: usize,
}

impl Window {
    /// A window that shows nothing yet.
    pub(crate) fn new() -> Self {
        Self { bytes: Box::new([0; WINDOW]), start: 0, filled: 0 }
    }

    /// `N` bytes from `at` on, which lie before `end`. `field` is what they are, for the error.
    pub(crate) fn array<const N: usize>(
        &mut self,
        source: &impl Source,
        field: &'static str,
        at: u64,
        end: u64,
    ) -> Result<[u8; N], BtfError> {
        let need = N as u64;
        let truncated = BtfError::Truncated { field, at, need, end };
        if at.checked_add(need).is_none_or(|behind| behind > end) {
            return Err(truncated);
        }
        if self.piece(at).len() < N {
            self.fill(source, at)?;
        }
        self.piece(at).first_chunk().copied().ok_or(truncated)
    }

    /// As many bytes from `at` on, but before `end`, as the window shows once it was moved there; empty only at the end.
    pub(crate) fn some(&mut self, source: &impl Source, at: u64, end: u64) -> Result<&[u8], BtfError> {
        if at >= end {
            return Ok(&[]);
        }
        if self.piece(at).is_empty() {
            self.fill(source, at)?;
        }
        let most = usize::try_from(end - at).unwrap_or(usize::MAX);
        let piece = self.piece(at);
        Ok(piece.get(..most).unwrap_or(piece))
    }

    /// What the window shows from `at` on.
    fn piece(&self, at: u64) -> &[u8] {
        let shown = self.bytes.get(..self.filled).unwrap_or_default();
        let from = at.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        from.and_then(|from| shown.get(from..)).unwrap_or_default()
    }

    /// Moves the window to `at` and fills it as far as the source goes.
    fn fill(&mut self, source: &impl Source, at: u64) -> Result<(), BtfError> {
        (self.start, self.filled) = (at, 0);
        while let Some(rest) = self.bytes.get_mut(self.filled..).filter(|rest| !rest.is_empty()) {
            let here = at.saturating_add(self.filled as u64);
            match source.read_at(here, rest) {
                Ok(0) => break,
                Ok(count) => self.filled += count.min(rest.len()),
                Err(error) => return Err(BtfError::Read { at: here, kind: error.kind() }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a pipe may.
    struct Drips(Vec<u8>);

    impl Source for Drips {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(1);
            (&self.0[..]).read_at(at, &mut buffer[..count])
        }
    }

    #[test]
    fn fields_across_windows_are_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * WINDOW).collect();
        let mut window = Window::new();
        for at in [0, 4094, 4095, 1, 8191, 12_284] {
            let read: [u8; 4] = window.array(&Drips(bytes.clone()), "field", at, bytes.len() as u64).unwrap();
            assert_eq!(read, bytes[at as usize..][..4], "{at}");
        }
        let beyond = window.array::<4>(&&bytes[..], "field", 12_285, 12_288);
        assert_eq!(beyond, Err(BtfError::Truncated { field: "field", at: 12_285, need: 4, end: 12_288 }));
    }

    #[test]
    fn a_part_ends_where_it_ends() {
        let part = Part { whole: &b"0123456789"[..], start: 2, bytes: 3 };
        let mut buffer = [0; 8];
        assert_eq!((part.read_at(0, &mut buffer).unwrap(), &buffer[..3]), (3, &b"234"[..]));
        assert_eq!((part.read_at(2, &mut buffer).unwrap(), part.read_at(3, &mut buffer).unwrap()), (1, 0));
        assert_eq!(Part { whole: &b"0123"[..], start: 3, bytes: 100 }.size(), 1);
    }
}
