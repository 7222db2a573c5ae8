//! `foreign_exec`: a program executed that is not part of the image.
//!
//! Technique: T1204 (user execution).
//! Hook: `sched:sched_process_exec` through `sensors/exec_acts.rs`.
//! Record: [`edge_abi::ActRecord`] with the path given.
//! Cost: one prefix lookup per exec while it is enabled.
//! Blind to (on the tracepoint rung, without a manifest): what was placed into a directory of the image; a symbolic link or bind mount that
//! leads from there to elsewhere. On every rung: an interpreter that is given the script as an argument.

use edge_abi::{prefix_verdict, reason};

use super::Sighting;
use crate::image::Image;
use crate::listed::Listed;

/// What is known of the place a program was executed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Below a directory of the image, or not: an absolute, plain path, and what the prefix map says of it.
    Plain(u8),
    /// A path that has to be resolved.
    Unresolved,
}

/// Judges an exec, and whether that is certain.
#[inline(always)]
#[must_use]
pub fn judge(origin: Origin) -> Option<(Sighting, bool)> {
    let sighting = Sighting { reason: reason::SOLE, value: 0, target: 0 };
    match origin {
        Origin::Plain(verdict) if verdict & prefix_verdict::IMAGE != 0 => None,
        Origin::Plain(_) => Some((sighting, true)),
        Origin::Unresolved => Some((sighting, false)),
    }
}

/// Judges an exec by the list of what the image is made of, and whether that is certain. `inode` is that of the program's file, 0 when it
/// is not known.
///
/// A script is known by its path here: the file that runs is its interpreter's.
#[inline(always)]
#[must_use]
pub fn judge_listed(origin: Origin, listed: Listed, inode: u64) -> Option<(Sighting, bool)> {
    let sighting = Sighting { reason: reason::SOLE, value: inode, target: 0 };
    let is_file = !matches!(listed.file, Some(false));
    match origin {
        Origin::Plain(_) if listed.path && is_file => None,
        // Neither below a directory of the image nor listed elsewhere.
        Origin::Plain(verdict) if verdict & prefix_verdict::IMAGE == 0 && !listed.path => {
            Some((sighting, true))
        }
        _ => Some((sighting, false)),
    }
}

/// Judges a file as the kernel holds it: by the list, if there is one, which knows each file, else by where it lies; `None` also when that is
/// not known.
#[inline(always)]
#[must_use]
pub fn judge_file(image: &Image, listed: Option<bool>, inode: u64) -> Option<Sighting> {
    let (foreign, value) = match listed {
        Some(listed) => (!listed, inode),
        None => (matches!(image.is_of_image(), Some(false)), 0),
    };
    foreign.then_some(Sighting { reason: reason::SOLE, value, target: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_quiet_and_everything_else_told() {
        assert_eq!(judge(Origin::Plain(prefix_verdict::IMAGE)), None);
        assert_eq!(judge(Origin::Plain(prefix_verdict::IMAGE | prefix_verdict::EXEMPT)), None);
        assert_eq!(judge(Origin::Plain(0)).map(|(_, certain)| certain), Some(true));
        assert_eq!(judge(Origin::Plain(prefix_verdict::VOLATILE)).map(|(_, certain)| certain), Some(true));
        assert_eq!(judge(Origin::Unresolved).map(|(_, certain)| certain), Some(false));
    }
    #[test]
    fn a_file_is_foreign_wherever_its_name_leads() {
        let found = |links, verdict| {
            judge_file(&Image { links, mode: 0o100_755, owner: 0, magic: 0xef53, verdict }, None, 7).is_some()
        };
        assert!(!found(1, prefix_verdict::IMAGE | prefix_verdict::KNOWN));
        assert!(found(1, prefix_verdict::KNOWN));
        assert!(found(0, prefix_verdict::IMAGE | prefix_verdict::KNOWN), "deleted");
        assert!(!found(1, 0), "nobody knows");
    }

    #[test]
    fn a_listed_file_is_quiet_wherever_it_lies_and_no_place_helps_another() {
        let at = |verdict| Image { links: 1, mode: 0o100_755, owner: 0, magic: 0xef53, verdict };
        assert_eq!(judge_file(&at(0), Some(true), 7), None);
        assert_eq!(judge_file(&at(prefix_verdict::KNOWN), Some(true), 7), None);
        let image = prefix_verdict::IMAGE | prefix_verdict::KNOWN;
        assert_eq!(judge_file(&at(image), Some(false), 7).map(|found| found.value), Some(7));
    }

    #[test]
    fn a_listed_path_counts_with_the_listed_file_behind_it() {
        let judged = |origin, file, path| judge_listed(origin, Listed { file, path }, 7).map(|told| told.1);
        let image = Origin::Plain(prefix_verdict::IMAGE);
        assert_eq!(judged(image, Some(true), true), None);
        assert_eq!(judged(image, None, true), None, "files are not known here");
        assert_eq!(judged(Origin::Plain(0), Some(true), true), None, "listed outside the usual places");
        assert_eq!(judged(image, Some(false), true), Some(false), "another file in its place");
        assert_eq!(judged(image, Some(true), false), Some(false), "a script, or by way of a link");
        assert_eq!(judged(Origin::Plain(0), Some(true), false), Some(true), "a script from elsewhere");
        assert_eq!(judged(Origin::Plain(0), Some(false), false), Some(true));
        assert_eq!(judged(Origin::Unresolved, Some(true), true), Some(false));
    }
}
