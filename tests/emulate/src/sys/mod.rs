//! System calls that std does not offer, one thin function each: all unsafe code of the program but the clock's.
//!
//! Every function here is safe to call: whatever pointer goes to the kernel is derived from a reference that outlives
//! the call, and whatever the kernel writes fits the buffer it is given. std is not used because it has no such call.

pub(crate) mod file;
pub(crate) mod kernel;
pub(crate) mod memory;
pub(crate) mod process;
pub(crate) mod ring;
pub(crate) mod socket;
pub(crate) mod trace;

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

/// A call's answer; a negative one says that `errno` has the reason.
fn check(answer: impl Into<i64>) -> io::Result<i64> {
    let answer = answer.into();
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// The descriptor that a call has just made.
fn owned(answer: impl Into<i64>) -> io::Result<OwnedFd> {
    let fd = check(answer)?;
    // SAFETY: the kernel has just made this descriptor for the caller; nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Text as C has it. Fails when it contains a zero byte.
pub(crate) fn c_text(text: impl AsRef<OsStr>) -> io::Result<CString> {
    CString::new(text.as_ref().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_answer_is_an_error_and_a_zero_byte_no_text() {
        assert_eq!(check(7_i32).unwrap(), 7);
        assert!(check(-1_i64).is_err());
        assert!(c_text("a\0b").is_err());
    }
}
