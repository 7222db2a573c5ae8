//! The kernel object on its way into the kernel: parsed, its globals set, its maps made, its programs pointed at them.

use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use aya_obj::generated::{bpf_insn, bpf_map_type};
use aya_obj::{EbpfSectionKind, Object};

use super::describe;
use super::kernel::{self, MapShape};

/// The map whose size follows from the manifest.
const LISTED: &str = "LISTED";

/// Globals by name, with the bytes they get.
pub(super) type Globals<'g> = [(&'static str, &'g [u8])];

/// Programs ready to be loaded, and the maps they use.
pub(super) struct Image {
    /// Names and descriptors of the maps.
    pub maps: Vec<(String, OwnedFd)>,
    /// Instructions of each program.
    programs: Vec<(String, Vec<bpf_insn>)>,
    /// What the programs are licensed under.
    pub licence: CString,
}

impl Image {
    /// Makes the maps of `object`, the list of the image with room for `listed` numbers, and points its programs at them. The maps of a former image are gone with it.
    ///
    /// # Errors
    /// What is wrong with the object, or what the kernel says to a map.
    pub(super) fn new(object: &[u8], listed: u32, globals: &Globals<'_>) -> Result<Self, String> {
        let mut object = Object::parse(object).map_err(|error| describe(&error))?;
        let values: HashMap<&str, (&[u8], bool)> =
            globals.iter().map(|(name, bytes)| (*name, (*bytes, true))).collect();
        object.patch_map_data(values).map_err(|error| describe(&error))?;
        let mut maps = Vec::new();
        for (name, map) in object.maps.drain() {
            let made = make(&name, &map, listed).map_err(|error| format!("map {name}: {error}"))?;
            maps.push((name, map, made));
        }
        let known = maps.iter().map(|(name, map, made)| (name.as_str(), made.as_raw_fd(), map));
        let sections = object.functions.keys().map(|(section, _)| *section).collect();
        object.relocate_maps(known, &sections).map_err(|error| describe(&error))?;
        let mut functions = core::mem::take(&mut object.functions);
        let programs = object.programs.drain().filter_map(|(name, program)| {
            let function = functions.remove(&program.function_key())?;
            Some((name, function.instructions))
        });
        Ok(Self {
            programs: programs.collect(),
            licence: core::mem::take(&mut object.license),
            maps: maps.into_iter().map(|(name, _, made)| (name, made)).collect(),
        })
    }

    /// The instructions of a program.
    pub(super) fn instructions(&self, name: &str) -> Option<&[bpf_insn]> {
        let found = self.programs.iter().find(|(known, _)| known == name);
        found.map(|(_, instructions)| instructions.as_slice())
    }

    /// A map.
    pub(super) fn map(&self, name: &str) -> Option<BorrowedFd<'_>> {
        self.maps.iter().find(|(known, _)| known == name).map(|(_, map)| map.as_fd())
    }
}

/// Makes one map and gives it what the object says is in it.
fn make(name: &str, map: &aya_obj::Map, listed: u32) -> std::io::Result<OwnedFd> {
    let mut entries = map.max_entries();
    if name == LISTED {
        entries += listed;
    }
    if map.map_type() == bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32 {
        // Whole pages, however large they are here.
        entries = entries.next_multiple_of(rustix::param::page_size() as u32);
    }
    let shape = MapShape {
        kind: map.map_type(),
        key_bytes: map.key_size(),
        value_bytes: map.value_size(),
        entries,
        flags: map.map_flags(),
    };
    let made = kernel::make_map(name, shape)?;
    if !map.data().is_empty() {
        kernel::fill(made.as_fd(), map.data())?;
    }
    if map.section_kind() == EbpfSectionKind::Rodata {
        kernel::freeze(made.as_fd())?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::super::object::FACTS;
    use super::super::packed;
    use super::super::program::Program;
    use super::*;

    /// The object has what the tables of programs and globals name. Making its maps needs privileges, parsing does not.
    #[test]
    fn every_program_is_in_the_object() {
        let unpacked = packed::Object::unpack().unwrap();
        let object = Object::parse(unpacked.bytes()).unwrap();
        for program in Program::ALL {
            assert!(object.programs.contains_key(program.name()), "{}", program.name());
        }
        assert!(object.programs.contains_key(FACTS));
        assert_eq!(object.programs.len(), Program::ALL.len() + 1, "none without a line in the table");
        assert!(object.btf.is_none(), "nothing here needs it");
    }
}
