//! The path of a file from the names that lead to it, for a person to read: its end when it is long, and within its file system, whose
//! root is where the walk ends; the agent puts the place in front where that is mounted. Nothing is judged by it.

use edge_abi::{Offset, PATH_BYTES};
use edge_ebpf::path::{PathBuffer, forget};

use super::Object;
use crate::emit::act::NO_PATH;
use crate::emit::file_tamper::Named;
use crate::maps::Scratch;
use crate::read;
use crate::sensors::syscall::scratch;

/// Names put together: more are seldom, and a path of which more are missing begins without a slash.
const NAMES: u32 = 8;

impl Named for Object {
    /// Writes the path into the scratch room. Where an LSM program can be interrupted by another task's, both may write there: a garbled
    /// text then, nothing else.
    #[inline(always)]
    fn path(&self) -> (&PathBuffer, u32) {
        let Some(scratch) = scratch() else { return (&NO_PATH, 0) };
        let length = write(scratch, self.dentry);
        (&scratch.path, length)
    }

    #[inline(always)]
    fn device(&self) -> u32 {
        self.dev
    }
}

/// Writes the names from the last one backwards, then moves them to the front; how long they are together.
#[inline(always)]
fn write(scratch: &mut Scratch, dentry: u64) -> u32 {
    const LAST: u32 = PATH_BYTES as u32 - 1;
    let mut at = LAST;
    let mut dentry = dentry;
    scratch.path.0 = NO_PATH.0;
    let mut index = 0;
    while index < NAMES {
        let [cursor, length] = &mut scratch.cursors;
        let parent = read::untyped::<u64>(dentry, Offset::DentryParent);
        let text = read::untyped::<u64>(dentry, Offset::DentryNameText);
        let length = forget(length, read::untyped::<u32>(dentry, Offset::DentryNameLen)) & LAST;
        if parent == dentry || at <= length {
            break;
        }
        at = forget(cursor, at - length - 1) & LAST;
        if !read::into_path(scratch, (at, length), text) {
            break;
        }
        dentry = parent;
        index += 1;
    }
    read::move_to_front(&mut scratch.path, at)
}
