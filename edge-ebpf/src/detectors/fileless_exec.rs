//! `fileless_exec`: a program executed that has no name on disk: a memfd, a deleted or nameless file.
//!
//! Technique: T1620 (reflective code loading).
//! Hook: `sched:sched_process_exec` through `sensors/exec_acts.rs`. The kernel names what was executed by descriptor alone
//! `/dev/fd/N` (`fs/exec.c`, `alloc_bprm`).
//! Record: [`edge_abi::ActRecord`] with the path given, always a candidate: the agent reads what the process runs.
//! Cost: two comparisons per exec.
//! Blind to (on the tracepoint rung): which file it is, so nothing can be killed before the agent has looked; a symbolic link that
//! leads to `/proc/self/fd/N`; a script that an interpreter is given as an argument.

use edge_abi::{name_hash, reason};

use super::Sighting;
use crate::image::Image;
use crate::path::{PathBuffer, PathFacts, at};

/// What the path of a program says of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A descriptor, whatever it has open.
    Descriptor,
    /// The file that this process runs already: `/proc/self/exe`.
    Own,
    /// The file that some process runs.
    Running,
    /// A path.
    Path,
}

/// Looks at the form of a path.
#[inline(always)]
#[must_use]
pub fn form(path: &PathBuffer, facts: &PathFacts) -> Form {
    let bytes = path.bytes();
    if facts.base == 8 && bytes.starts_with(b"/dev/fd/") {
        return Form::Descriptor;
    }
    if !bytes.starts_with(b"/proc/") {
        return Form::Path;
    }
    let base = facts.base;
    if facts.name == const { name_hash(b"exe") } {
        if bytes.starts_with(b"/proc/self/exe\0") { Form::Own } else { Form::Running }
    } else if at(path, base.wrapping_sub(4)) == b'/'
        && at(path, base.wrapping_sub(3)) == b'f'
        && at(path, base.wrapping_sub(2)) == b'd'
    {
        Form::Descriptor
    } else {
        Form::Path
    }
}

/// Judges an exec. One of the file that runs already brings nothing new: BusyBox starts its applets like this.
#[inline(always)]
#[must_use]
pub fn judge(form: Form) -> Option<Sighting> {
    matches!(form, Form::Descriptor | Form::Running).then_some(Sighting {
        reason: reason::DESCRIPTOR,
        value: 0,
        target: 0,
    })
}

/// What the name of a memfd's file begins with (`mm/memfd.c`), as a number in the byte order of its bytes.
const MEMFD: u64 = u64::from_ne_bytes(*b"memfd:\0\0");

/// Judges a file as the kernel holds it. `name` are the first eight bytes of what it was called.
#[inline(always)]
#[must_use]
pub fn judge_file(image: &Image, name: u64) -> Option<Sighting> {
    const FIRST: u64 = u64::from_ne_bytes([255, 255, 255, 255, 255, 255, 0, 0]);
    let memfd = image.is_nameless() && name & FIRST == MEMFD;
    let reason = if memfd { reason::MEMFD } else { reason::DELETED_FILE };
    image.is_nameless().then_some(Sighting { reason, value: 0, target: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::tests::buffer;
    use crate::path::scan;

    fn form_of(text: &str) -> Form {
        let path = buffer(text.as_bytes());
        let mut facts = PathFacts::default();
        scan(&path, &mut facts);
        form(&path, &facts)
    }

    #[test]
    fn descriptors_are_known_in_every_form() {
        for path in ["/dev/fd/3", "/proc/self/fd/3", "/proc/77/fd/10", "/proc/thread-self/fd/4"] {
            assert_eq!(form_of(path), Form::Descriptor, "{path}");
        }
        assert_eq!(form_of("/proc/77/exe"), Form::Running);
        assert_eq!((form_of("/proc/self/exe"), judge(Form::Own)), (Form::Own, None));
    }

    #[test]
    fn a_file_without_a_name_is_told() {
        let found = |links, name: &[u8; 8]| {
            let image = Image { links, mode: 0o100_755, owner: 0, magic: 0xef53, verdict: 0 };
            judge_file(&image, u64::from_ne_bytes(*name)).map(|seen| seen.reason)
        };
        assert_eq!(found(0, b"memfd:ab"), Some(reason::MEMFD));
        assert_eq!(found(0, b"memfd:\0\0"), Some(reason::MEMFD));
        assert_eq!(found(0, b"memfdxab"), Some(reason::DELETED_FILE));
        assert_eq!(found(0, b"x\0\0\0\0\0\0\0"), Some(reason::DELETED_FILE));
        assert_eq!(found(1, b"memfd:ab"), None, "a file that is only called so");
    }

    #[test]
    fn paths_are_paths() {
        // The second is `execveat` with a directory and a name.
        for path in ["/bin/sh", "/dev/fd/3/x", "/data/fd/3", "/proc/self/root/bin/sh", "x", "/dev/fd", "exe"]
        {
            assert_eq!(form_of(path), Form::Path, "{path}");
            assert_eq!(judge(form_of(path)), None);
        }
    }
}
