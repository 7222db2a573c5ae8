//! What `file_tamper` makes of what happens to files, on the upper rungs.

use super::Object;
use super::open::Opened;

/// A file is being opened; whether to refuse that.
#[inline(always)]
pub(super) fn opened(_opened: &Opened) -> bool {
    false
}

/// A file is being mapped so that writing to memory writes to it.
#[inline(always)]
pub(super) fn mapped(_file: u64) -> bool {
    false
}

/// A file gets another name.
#[inline(always)]
pub(super) fn renamed(_old: &Object, _new: &Object) -> bool {
    false
}

/// A file is deleted.
#[inline(always)]
pub(super) fn unlinked(_object: &Object) -> bool {
    false
}
