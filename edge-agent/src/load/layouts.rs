//! Where members of kernel structs lie, and which functions LSM programs can be attached to: from the kernel's BTF, else from the
//! offsets file, else unknown. A member that is not of the size the sensors read is unknown too.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use edge_btf::{BtfError, FileSource, OffsetsFile, Places, Source as _, build_id_of_notes};
use serde::{Deserialize, Serialize};

use super::facts::{self, Fact};
use super::setattr;

/// The kernel's BTF (Linux 5.4, `CONFIG_DEBUG_INFO_BTF`).
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// The kernel's ELF notes, its build id among them (Linux 2.6.23).
const NOTES: &str = "/sys/kernel/notes";
/// Longest notes and offsets file that are read.
const MAX_FILE: u64 = 64 * 1024;

/// Where the layouts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The running kernel's own BTF.
    Btf,
    /// The offsets file that the configuration names (`load.offsets`).
    File,
    /// Nowhere: programs that need them are left out.
    #[default]
    None,
}

impl Origin {
    /// For people and for JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Btf => "btf",
            Self::File => "file",
            Self::None => "none",
        }
    }
}

/// The layouts of the running kernel.
#[derive(Clone, Debug)]
pub(super) struct Layouts {
    /// Where they come from.
    pub origin: Origin,
    /// Where members are; the kernel side's global `OFFSETS`.
    pub places: Places,
    /// The BTF ids of the functions asked for, in their order; `None` where there is none. Only BTF has them.
    pub functions: Vec<Option<u32>>,
    /// Which argument of `inode_setattr` is the dentry: of the function that LSM programs are attached to, and of the one that asks.
    pub setattr_dentry: [u32; 2],
    /// Why there are none; empty when there are.
    pub problem: String,
}

/// Whether offsets may be used, as the loader tells the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Where they come from.
    pub origin: Origin,
    /// Why they are not used; empty when they are.
    pub problem: String,
    /// What was read through them, and what is known; empty when they were not tried.
    pub facts: Vec<Fact>,
}

impl Standing {
    /// Of layouts that were not tried, since they are not there or not complete; `None` when they are to be tried.
    pub(super) fn untried(layouts: &Layouts) -> Option<Self> {
        let problem = match layouts.places.missing() {
            Some(_) if layouts.origin == Origin::None => layouts.problem.clone(),
            Some(member) => {
                let (structure, way) = (member.structure(), member.way());
                format!("{structure}.{way} is not where it is expected, or of another size")
            }
            None => return None,
        };
        Some(Self { origin: layouts.origin, problem, facts: Vec::new() })
    }

    /// Of layouts that were tried.
    pub(super) fn of(layouts: &Layouts, tried: Result<Vec<Fact>, String>) -> Self {
        let (facts, problem) = match tried {
            Ok(facts) => {
                let broken = facts::broken(&facts);
                let problem = broken.map(|Fact { name, read, known }| {
                    format!("offsets are wrong, {name} is {known} and {read} was read")
                });
                (facts, problem.unwrap_or_default())
            }
            Err(why) => (Vec::new(), format!("offsets could not be tried: {why}")),
        };
        Self { origin: layouts.origin, problem, facts }
    }

    /// Tells whoever reads the log when there is something to tell.
    pub(super) fn tell(&self) {
        match (self.problem.as_str(), self.origin) {
            ("", _) => {}
            // The kernel is as it is; `check` shows the rungs.
            (problem, Origin::None) => log::warn!("load: sensors see files by their paths only, {problem}"),
            (problem, _) => log::error!("load: sensors see files by their paths only, {problem}"),
        }
    }

    /// Whether programs that need offsets may be loaded.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        self.problem.is_empty() && !self.facts.is_empty()
    }
}

impl Default for Layouts {
    fn default() -> Self {
        Self {
            origin: Origin::None,
            places: Places::default(),
            functions: Vec::new(),
            setattr_dentry: setattr::usual(),
            problem: String::new(),
        }
    }
}

impl Layouts {
    /// Reads those of the running kernel: at most 64 KiB of memory for a moment, whatever the BTF's size. `file` is the offsets
    /// file, if there is one; `functions` are the names of functions such as `bpf_lsm_file_open`.
    #[must_use]
    pub(super) fn read(file: Option<&Path>, functions: &[&str]) -> Self {
        Self::of(Path::new(BTF), Path::new(NOTES), file, functions)
    }

    /// The same, from other places.
    fn of(btf: &Path, notes: &Path, file: Option<&Path>, functions: &[&str]) -> Self {
        let mut problem = match from_btf(btf, functions) {
            Ok(Some(layouts)) => return layouts,
            Ok(None) => "the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)".to_owned(),
            Err(error) => format!("{}: {error}", btf.display()),
        };
        if let Some(path) = file {
            match from_file(path, notes) {
                Ok(places) => {
                    let functions = vec![None; functions.len()];
                    return Self { origin: Origin::File, places, functions, ..Self::default() };
                }
                Err(error) => problem = format!("{problem}; {}: {error}", path.display()),
            }
        } else {
            problem.push_str(" and no offsets file is configured (`load.offsets`)");
        }
        Self { functions: vec![None; functions.len()], problem, ..Self::default() }
    }
}

/// Reads the BTF; `None` where there is none, also behind a mount that hides it.
fn from_btf(path: &Path, functions: &[&str]) -> Result<Option<Layouts>, BtfError> {
    let Ok(source) = File::open(path).and_then(FileSource::new) else { return Ok(None) };
    if source.size() == 0 {
        return Ok(None);
    }
    let wanted: Vec<&str> = functions.iter().copied().chain(setattr::FUNCTIONS).collect();
    let (places, mut btf) = Places::scan(source, &wanted)?;
    let functions = functions.iter().map(|name| btf.function(name)).collect();
    let mut layouts = Layouts { origin: Origin::Btf, places, functions, ..Layouts::default() };
    for (place, name) in layouts.setattr_dentry.iter_mut().zip(setattr::FUNCTIONS) {
        if let Some(prototype) = btf.prototype(name)? {
            *place = setattr::dentry(&prototype);
        }
    }
    Ok(Some(layouts))
}

/// Reads an offsets file of this kernel.
fn from_file(path: &Path, notes: &Path) -> Result<Places, String> {
    let file = read(path).map_err(|error| error.to_string())?;
    let file = OffsetsFile::decode(&file).map_err(|error| error.to_string())?;
    let notes = read(notes).map_err(|error| format!("{}: {error}", notes.display()))?;
    let build_id = build_id_of_notes(&notes).unwrap_or_default();
    file.check_kernel(&build_id).map_err(|error| error.to_string())?;
    Ok(Places::of_file(&file))
}

/// Reads a small file.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if read as u64 > MAX_FILE {
        return Err(io::Error::other(format!("more than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;
    use edge_abi::Offset;

    /// Notes of a kernel with a build id of eight sevens.
    const NOTE: &[u8] = b"\x04\0\0\0\x08\0\0\0\x03\0\0\0GNU\0\x07\x07\x07\x07\x07\x07\x07\x07";

    fn offsets_file(build_id: &[u8]) -> Vec<u8> {
        let mut file = OffsetsFile::new(build_id).unwrap();
        for (offset, place) in Offset::ALL.iter().zip(0..) {
            file.state(offset.structure(), offset.way(), place * 8).unwrap();
        }
        file.encode()
    }

    #[test]
    fn a_file_of_this_kernel_is_taken_and_another_is_refused() {
        let folder = Folder::new("layouts-file");
        let (nothing, notes) = (folder.with("vmlinux", b""), folder.with("notes", NOTE));
        let file = folder.with("offsets", &offsets_file(&[7; 8]));
        let layouts = Layouts::of(&nothing, &notes, Some(&file), &["bpf_lsm_file_open"]);
        assert_eq!(
            (layouts.origin, layouts.places.missing(), layouts.functions),
            (Origin::File, None, vec![None])
        );
        assert_eq!(layouts.places.offsets[1], 9);

        let file = folder.with("offsets", &offsets_file(&[8; 8]));
        let layouts = Layouts::of(&nothing, &notes, Some(&file), &[]);
        assert_eq!((layouts.origin, layouts.places), (Origin::None, Places::default()));
        assert!(layouts.problem.ends_with("but 0707070707070707 runs"), "{}", layouts.problem);
        assert_eq!(layouts.places.missing(), Some(Offset::InodeMode));
    }

    #[test]
    fn one_fact_that_does_not_hold_is_enough() {
        let fact = |read: &str| Fact { name: "file: inode".into(), read: read.into(), known: "7".into() };
        let layouts = Layouts::default();
        assert!(Standing::of(&layouts, Ok(vec![fact("7")])).is_sane());
        let standing = Standing::of(&layouts, Ok(vec![fact("7"), fact("0")]));
        assert!(!standing.is_sane());
        assert_eq!(standing.problem, "offsets are wrong, file: inode is 7 and 0 was read");
        assert!(!Standing::of(&layouts, Ok(Vec::new())).is_sane(), "nothing tried is nothing shown");
        assert!(!Standing::of(&layouts, Err("EPERM".into())).is_sane());
        assert!(!Standing::untried(&layouts).unwrap().is_sane());
    }

    #[test]
    fn damaged_btf_is_told_and_the_file_is_used_instead() {
        let folder = Folder::new("layouts-btf");
        let (broken, notes) = (folder.with("vmlinux", b"\x9f\xeb\x02\0aaaa"), folder.with("notes", NOTE));
        let layouts = Layouts::of(&broken, &notes, None, &[]);
        assert!(layouts.problem.contains("version is 2, 1 is known"), "{}", layouts.problem);
        let file = folder.with("offsets", &offsets_file(&[7; 8]));
        assert_eq!(Layouts::of(&broken, &notes, Some(&file), &[]).origin, Origin::File);
    }

    #[test]
    fn the_kernel_this_runs_on_has_every_needed_member() {
        let layouts = Layouts::read(None, &["bpf_lsm_file_open", "no_such_function"]);
        if layouts.origin == Origin::Btf {
            assert_eq!(layouts.places.missing(), None);
            assert_eq!(layouts.functions.get(1), Some(&None));
        } else {
            assert!(layouts.places.missing().is_some() && !layouts.problem.is_empty());
        }
    }
}
