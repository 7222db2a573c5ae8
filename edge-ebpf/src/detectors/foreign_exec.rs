//! `foreign_exec`: a program executed that is not part of the image.
//!
//! Technique: T1204 (user execution).
//! Hook: `sched:sched_process_exec` through `sensors/exec_acts.rs`.
//! Record: [`edge_abi::ActRecord`] with the path given.
//! Cost: one prefix lookup per exec while it is enabled.
//! Blind to (on the tracepoint rung): what was placed into a directory of the image; a symbolic link or bind mount that leads from
//! there to elsewhere; an interpreter that is given the script as an argument.

use edge_abi::{prefix_verdict, reason};

use super::Sighting;
use crate::image::Image;

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

/// Judges a file as the kernel holds it; `None` also when it is not known where it lies.
#[inline(always)]
#[must_use]
pub fn judge_file(image: &Image) -> Option<Sighting> {
    let foreign = matches!(image.is_of_image(), Some(false));
    foreign.then_some(Sighting { reason: reason::SOLE, value: 0, target: 0 })
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
            judge_file(&Image { links, mode: 0o100_755, owner: 0, magic: 0xef53, verdict }).is_some()
        };
        assert!(!found(1, prefix_verdict::IMAGE | prefix_verdict::KNOWN));
        assert!(found(1, prefix_verdict::KNOWN));
        assert!(found(0, prefix_verdict::IMAGE | prefix_verdict::KNOWN), "deleted");
        assert!(!found(1, 0), "nobody knows");
    }
}
