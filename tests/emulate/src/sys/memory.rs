//! Files mapped into memory.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr;

/// A writable mapping of a descriptor, shared with everyone who maps it.
pub(crate) struct Mapping {
    /// Where it begins.
    start: *mut u8,
    /// Bytes it has; never 0.
    len: usize,
}

impl Mapping {
    /// Maps the first `len` bytes of a file. The file must not shrink meanwhile: access would end the process.
    pub(crate) fn of_file(file: &File, len: usize) -> io::Result<Self> {
        Self::new(file.as_raw_fd(), len, 0)
    }

    /// Maps `len` bytes of a descriptor from `offset`.
    pub(super) fn new(fd: i32, len: usize, offset: libc::off_t) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses a free place, so that nothing else is mapped over.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, protection, libc::MAP_SHARED, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { start: start.cast(), len })
    }

    /// Copies bytes in; what lies beyond the end is left out.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let count = bytes.len().min(self.len);
        // SAFETY: both have at least `count` bytes and cannot overlap, since the mapping is its own object; `&mut self`
        // makes this the only writer in this process.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start, count) };
    }

    /// A place in it for a `T`, if it lies inside and is aligned.
    pub(super) fn place<T>(&self, offset: usize) -> Option<*mut T> {
        if offset.checked_add(size_of::<T>())? > self.len {
            return None;
        }
        // SAFETY: the offset was just found to lie inside the mapping.
        let place: *mut T = unsafe { self.start.add(offset) }.cast();
        place.is_aligned().then_some(place)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: start and length are those of the mapping that `new` made, and nobody uses it any more. That it fails
        // is not possible, and the program would not care.
        let _ = unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn what_is_written_is_in_the_file_and_nothing_beyond_its_end() {
        let folder = Folder::new("mapping");
        let path = folder.0.join("mapped");
        std::fs::write(&path, "before").unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut mapping = Mapping::of_file(&file, 6).unwrap();
        mapping.write(b"after it all");
        drop(mapping);
        assert_eq!(std::fs::read(&path).unwrap(), b"after ");
        let mapping = Mapping::of_file(&file, 6).unwrap();
        assert!(mapping.place::<u32>(0).is_some());
        assert!(mapping.place::<u32>(4).is_none() && mapping.place::<u16>(1).is_none());
    }
}
