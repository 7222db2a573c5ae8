//! Reads one field after another, and knows where it is.

use crate::{Error, MAX_PATH_BYTES, check_path};

/// A place in a manifest, and what is left of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    /// What was not read yet.
    rest: &'a [u8],
    /// Where that begins, from the beginning of the manifest.
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Of these bytes, which begin at byte `at` of the manifest.
    pub(crate) const fn new(rest: &'a [u8], at: usize) -> Self {
        Self { rest, at }
    }

    /// Where the next field begins.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next bytes.
    pub(crate) fn bytes(&mut self, field: &'static str, need: usize) -> Result<&'a [u8], Error> {
        let end = self.at + self.rest.len();
        let (bytes, rest) =
            self.rest.split_at_checked(need).ok_or(Error::Truncated { field, at: self.at, need, end })?;
        self.rest = rest;
        self.at += need;
        Ok(bytes)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let bytes = self.bytes(field, N)?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N]))
    }

    /// The next byte.
    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, Error> {
        self.array(field).map(|[byte]| byte)
    }

    /// Two bytes, little-endian.
    pub(crate) fn port(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_le_bytes)
    }

    /// A number of at most `bits` bits, in as few bytes as it needs.
    fn number(&mut self, field: &'static str, bits: u32) -> Result<u64, Error> {
        let wrong = Error::Number { field, at: self.at, limit: bits };
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte(field)?;
            let part = u64::from(byte & 0x7f);
            // What does not fit is seen by what comes back.
            let shifted = part.checked_shl(shift).ok_or(wrong)?;
            if shifted >> shift != part || shifted.checked_shr(bits).unwrap_or(0) != 0 {
                return Err(wrong);
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return if part == 0 && shift > 0 { Err(wrong) } else { Ok(value) };
            }
            shift += 7;
        }
    }

    /// A number of 64 bits.
    pub(crate) fn size(&mut self, field: &'static str) -> Result<u64, Error> {
        self.number(field, u64::BITS)
    }

    /// A number of 32 bits, at most `limit`.
    pub(crate) fn count(&mut self, field: &'static str, limit: usize) -> Result<usize, Error> {
        let at = self.at;
        let value = self.number(field, u32::BITS)?;
        let limit = limit as u64;
        if value > limit {
            return Err(Error::Field { field, at, value, limit });
        }
        Ok(value as usize)
    }

    /// Bytes behind their number.
    fn counted(&mut self, field: &'static str, limit: usize) -> Result<(&'a [u8], usize), Error> {
        let need = self.count(field, limit)?;
        let at = self.at;
        Ok((self.bytes(field, need)?, at))
    }

    /// A text of at most `limit` bytes.
    pub(crate) fn text(&mut self, field: &'static str, limit: usize) -> Result<&'a str, Error> {
        let (bytes, at) = self.counted(field, limit)?;
        core::str::from_utf8(bytes).map_err(|_| Error::Text { field, at })
    }

    /// A path.
    pub(crate) fn path(&mut self, field: &'static str) -> Result<&'a [u8], Error> {
        let at = self.at;
        let (path, _) = self.counted(field, MAX_PATH_BYTES)?;
        check_path(path).map_err(|fault| Error::Path { field, at, fault })?;
        Ok(path)
    }

    /// A path that is a text too; `also` is one more that is taken.
    pub(crate) fn text_path(&mut self, field: &'static str, also: &str) -> Result<&'a str, Error> {
        let at = self.at;
        let text = self.text(field, MAX_PATH_BYTES)?;
        if text != also {
            check_path(text.as_bytes()).map_err(|fault| Error::Path { field, at, fault })?;
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form_and_a_width() {
        let read = |bytes: &[u8], bits| Cursor::new(bytes, 7).number("n", bits);
        assert_eq!(read(&[0], 32), Ok(0));
        assert_eq!(read(&[0x7f], 32), Ok(127));
        assert_eq!(read(&[0x80, 1], 32), Ok(128));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f], 32), Ok(u32::MAX.into()));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 64), Ok(u64::MAX));
        let wrong = |limit| Err(Error::Number { field: "n", at: 7, limit });
        assert_eq!(read(&[0x80, 0], 32), wrong(32));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x1f], 32), wrong(32));
        assert_eq!(read(&[0xff; 12], 32), wrong(32));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], 64), wrong(64));
        assert_eq!(read(&[0x80; 12], 64), wrong(64));
        assert_eq!(read(&[0x80], 32), Err(Error::Truncated { field: "n", at: 8, need: 1, end: 8 }));
    }
}
