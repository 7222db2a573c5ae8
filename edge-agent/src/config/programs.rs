//! Programs with a role, merged into one sorted table by the hash of their paths.
//!
//! A role is a mask of [`Allow`]: the bits of a detector in `own` and `children`, or one of its flags. What `policy.trusted`,
//! `policy.spawners` and the `allow` lists say is read, marked here and forgotten: only hashes and bits stay.

use super::default::{SPAWNERS, TRUSTED};
use super::types::{Config, Program, Programs};
use crate::decide::detectors::SPECS;
use crate::decide::detectors::impair_defenses::GUARDS;
use edge_abi::{Allow, Detector, exe_hash, task_flags};

/// The role of `policy.trusted`.
pub(super) const TRUST: Allow = flag(task_flags::TRUSTED);
/// The role of `policy.spawners`.
pub(super) const SPAWN: Allow = flag(task_flags::SPAWNER);

/// The role of what `impair_defenses` guards.
const GUARDED: Allow = flag(task_flags::GUARD);

/// A role that is a flag.
const fn flag(flags: u32) -> Allow {
    Allow { own: 0, children: 0, flags, reserved: 0 }
}

/// The role of being let pass by a detector; `children`: what the program starts is let pass too.
pub(super) const fn passes(detector: Detector, children: bool) -> Allow {
    Allow { own: detector.bit(), children: if children { detector.bit() } else { 0 }, flags: 0, reserved: 0 }
}

/// Gives a program one more role; `false` when the table is full and does not hold the program yet.
pub(super) fn mark(programs: &mut Programs, path: &str, role: Allow) -> bool {
    let hash = exe_hash(path.as_bytes());
    match programs.binary_search_by_key(&hash, |program| program.hash) {
        Ok(index) => {
            if let Some(Program { allow, .. }) = programs.get_mut(index) {
                allow.own |= role.own;
                allow.children |= role.children;
                allow.flags |= role.flags;
            }
            true
        }
        Err(index) => programs.insert(index, Program { hash, allow: role }).is_ok(),
    }
}

/// The programs that have something of `role`, each with only that part of what it may do.
pub(super) fn having(programs: &Programs, role: Allow) -> impl Iterator<Item = Program> {
    programs.iter().filter_map(move |&Program { hash, allow }| {
        let part = Allow {
            own: allow.own & role.own,
            children: allow.children & role.children,
            flags: allow.flags & role.flags,
            reserved: 0,
        };
        (part != Allow::default()).then_some(Program { hash, allow: part })
    })
}

/// The programs of an empty file.
pub(super) fn defaults() -> Programs {
    let mut programs = Programs::new();
    let flagged = TRUSTED.iter().map(|path| (*path, TRUST)).chain(SPAWNERS.iter().map(|path| (*path, SPAWN)));
    let passed = SPECS
        .iter()
        .flat_map(|spec| spec.allow.iter().map(|pass| (pass.path, passes(spec.detector, pass.children))));
    for (path, role) in flagged.chain(passed) {
        // Never full: a test counts them.
        let _ = mark(&mut programs, path, role);
    }
    guard(&mut programs);
    programs
}

/// Marks the programs that must not be stopped. The configuration does not name them.
pub(super) fn guard(programs: &mut Programs) {
    for path in GUARDS {
        let _ = mark(programs, path, GUARDED);
    }
}

impl Config {
    /// What a program may do, by the path it was executed by; nothing for one without a role.
    #[must_use]
    pub fn allow_of(&self, exe: &[u8]) -> Allow {
        let hash = exe_hash(exe);
        let found = self.programs.binary_search_by_key(&hash, |program| program.hash);
        found
            .ok()
            .and_then(|index| self.programs.get(index))
            .map_or(Allow::default(), |program| program.allow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PROGRAM_COUNT;

    #[test]
    fn roles_of_one_program_add_up() {
        let mut programs = Programs::new();
        assert!(mark(&mut programs, "/usr/bin/x", passes(Detector::MassKill, true)));
        assert!(mark(&mut programs, "/bin/x", passes(Detector::UringUse, false)));
        assert!(mark(&mut programs, "/bin/x", TRUST));
        let (kill, uring) = (Detector::MassKill.bit(), Detector::UringUse.bit());
        let allow = Allow { own: kill | uring, children: kill, flags: task_flags::TRUSTED, reserved: 0 };
        assert_eq!(programs.as_slice(), [Program { hash: exe_hash(b"/bin/x"), allow }]);
    }

    #[test]
    fn a_role_is_seen_apart_from_the_others() {
        let mut programs = Programs::new();
        for (path, role) in [
            ("/bin/a", passes(Detector::MassKill, false)),
            ("/bin/a", TRUST),
            ("/bin/b", passes(Detector::UringUse, true)),
        ] {
            assert!(mark(&mut programs, path, role));
        }
        let found: Vec<_> = having(&programs, passes(Detector::MassKill, true)).collect();
        let expected = Program { hash: exe_hash(b"/bin/a"), allow: passes(Detector::MassKill, false) };
        assert_eq!(found, [expected]);
        assert_eq!(having(&programs, SPAWN).count(), 0);
    }

    #[test]
    fn a_full_table_still_takes_roles_of_programs_it_holds() {
        let mut programs = Programs::new();
        for number in 0..PROGRAM_COUNT {
            assert!(mark(&mut programs, &format!("/bin/{number}"), TRUST));
        }
        assert!(!mark(&mut programs, "/bin/more", TRUST));
        assert!(mark(&mut programs, "/bin/7", SPAWN));
        assert!(programs.is_sorted_by_key(|program| program.hash));
    }

    #[test]
    fn the_defaults_leave_room_and_no_path_is_wrong() {
        let config = Config::default();
        assert!(config.programs.len() + 64 <= PROGRAM_COUNT, "{}", config.programs.len());
        for spec in SPECS {
            for pass in spec.allow {
                assert!(crate::config::value::is_path(pass.path), "{}", pass.path);
                let allow = config.allow_of(pass.path.as_bytes());
                assert_ne!(allow.own & spec.detector.bit(), 0, "{}", pass.path);
            }
        }
        assert_eq!(config.allow_of(b"/bin/busybox"), Allow::default());
    }
}
