//! The BTF of the kernel that this runs on, whole and damaged. Without one there is nothing to be seen here; guests have theirs.

use std::fs::{self, File};
use std::io;

use edge_btf::{Btf, FileSource, OffsetsFile, Source, Vmlinux, Wanted, build_id_of_notes};
use proptest::prelude::*;

const MEMBERS: &[(&str, &str)] = &[
    ("inode", "i_ino"),
    ("inode", "i_sb"),
    ("file", "f_path.dentry"),
    ("dentry", "d_name.len"),
    ("dentry", "d_name.name"),
    ("task_struct", "comm"),
    ("task_struct", "start_boottime"),
    ("sock_common", "skc_dport"),
];
const WANTED: Wanted<'static, 'static> =
    Wanted { members: MEMBERS, functions: &["security_file_open", "vfs_open"] };

fn kernel() -> Option<FileSource> {
    let file = File::open("/sys/kernel/btf/vmlinux").ok()?;
    FileSource::new(file).ok().filter(|source| source.size() > 0)
}

#[test]
fn this_kernel_is_read() {
    let Some(source) = kernel() else { return };
    let mut btf = Btf::scan(source, &WANTED).unwrap();
    for (structure, way) in MEMBERS {
        let member = btf.member(structure, way).unwrap();
        assert!(member.is_some(), "{structure}.{way}");
        let size = btf.size(structure).unwrap().unwrap();
        assert!(member.unwrap().offset < size);
    }
    assert_eq!(btf.member("task_struct", "comm").unwrap().unwrap().bytes, 16);
    assert!(btf.member("dentry", "d_name.name").unwrap().unwrap().pointer);
    let (length, name) = (btf.member("dentry", "d_name.len"), btf.member("dentry", "d_name.name"));
    assert_eq!(name.unwrap().unwrap().offset - length.unwrap().unwrap().offset, 4, "as struct qstr has it");
    assert_eq!(
        btf.prototype("vfs_open").unwrap().as_deref(),
        Some("int (const struct path *path, struct file *file)")
    );
}

/// A source with some words of it replaced.
struct Damaged {
    whole: FileSource,
    words: Vec<(u64, [u8; 4])>,
    size: u64,
}

impl Source for Damaged {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most) else { return Ok(0) };
        let count = self.whole.read_at(at, buffer)?;
        for (place, word) in &self.words {
            for (place, byte) in (*place..).zip(word) {
                let slot = place.checked_sub(at).filter(|index| *index < count as u64);
                if let Some(slot) = slot.and_then(|index| buffer.get_mut(index as usize)) {
                    *slot = *byte;
                }
            }
        }
        Ok(count)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn damage_to_this_kernels_btf_never_panics(
        words in proptest::collection::vec((any::<u32>(), any::<u32>(), 0..32_u32), 1..64),
        cut in proptest::option::of(any::<u32>()),
    ) {
        let Some(whole) = kernel() else { return Ok(()) };
        let all = whole.size();
        let words = words.into_iter().map(|(at, word, shift)| (u64::from(at) % all / 4 * 4, (word >> shift).to_ne_bytes()));
        let size = cut.map_or(all, |cut| u64::from(cut) % all);
        let source = Damaged { whole, words: words.collect(), size };
        if let Ok(mut btf) = Btf::scan(source, &WANTED) {
            prop_assert_eq!(size, all, "a BTF that ends early was taken");
            for (structure, way) in MEMBERS {
                let _ = btf.member(structure, way);
            }
            let _ = btf.prototype("vfs_open");
        }
    }
}

/// Writes over bytes from `at` on.
fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes.iter_mut().skip(at).zip(new).for_each(|(slot, byte)| *slot = *byte);
}

/// An ELF file with a note and a BTF, as a linker would lay it out.
fn vmlinux(wide: bool, btf: &[u8], id: &[u8]) -> Vec<u8> {
    let note =
        [&4_u32.to_ne_bytes()[..], &(id.len() as u32).to_ne_bytes(), &3_u32.to_ne_bytes(), b"GNU\0", id]
            .concat();
    let names = b"\0.notes\0.BTF\0.BTF.ext\0.names\0";
    let (header, each) = if wide { (64, 64) } else { (52, 40) };
    let word = |value: usize| {
        if wide { (value as u64).to_ne_bytes().to_vec() } else { (value as u32).to_ne_bytes().to_vec() }
    };
    let mut bytes = vec![0; header];
    let mut sections = vec![vec![0; each]];
    for (name, kind, content) in [(1_u32, 7_u32, &note[..]), (13, 1, b"no"), (8, 1, btf), (22, 3, names)] {
        let (at, size) = (bytes.len(), content.len());
        bytes.extend(content);
        let mut section = [&name.to_ne_bytes()[..], &kind.to_ne_bytes()].concat();
        section.extend([word(0), word(0), word(at), word(size)].concat());
        section.resize(each, 0);
        sections.push(section);
    }
    let table = word(bytes.len());
    let order = if cfg!(target_endian = "little") { 1 } else { 2 };
    put(&mut bytes, 0, &[0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, order]);
    let (at, numbers) = if wide { (0x28, 0x3a) } else { (0x20, 0x2e) };
    put(&mut bytes, at, &table);
    for (at, value) in (numbers..).step_by(2).zip([each as u16, 5, 4]) {
        put(&mut bytes, at, &value.to_ne_bytes());
    }
    bytes.extend(sections.concat());
    bytes
}

#[test]
fn a_vmlinux_gives_its_btf_and_build_id() {
    for wide in [true, false] {
        let bytes = vmlinux(wide, b"the BTF", &[5; 20]);
        let found = Vmlinux::find(&bytes[..]).unwrap();
        assert_eq!(found.build_id, [5; 20]);
        let mut btf = [0; 16];
        assert_eq!((found.btf.size(), found.btf.read_at(0, &mut btf).unwrap()), (7, 7));
        assert_eq!(&btf[..7], b"the BTF");
        // The last section's header ends with what nobody reads.
        for length in 0..bytes.len() - 24 {
            let cut = Vmlinux::find(&bytes[..length]).map(|found| found.build_id);
            assert!(cut.is_err(), "{length} of {} bytes", bytes.len());
        }
    }
    assert!(
        Vmlinux::find(&b"MZ compressed image"[..])
            .unwrap_err()
            .to_string()
            .contains("no uncompressed vmlinux")
    );
}

#[test]
fn the_running_kernels_notes_name_its_build() {
    let Ok(notes) = fs::read("/sys/kernel/notes") else { return };
    let id = build_id_of_notes(&notes).expect("linkers state one by default");
    assert!((8..=32).contains(&id.len()));
    assert!(OffsetsFile::new(&id).unwrap().check_kernel(&id).is_ok());
}

proptest! {
    #[test]
    fn notes_and_elf_files_never_panic(noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0..300_usize) {
        let _ = build_id_of_notes(&noise);
        let mut bytes = vmlinux(true, b"BTF", &[1; 20]);
        for (slot, byte) in bytes.iter_mut().skip(at).zip(noise) {
            *slot = byte;
        }
        let _ = Vmlinux::find(&bytes[..]).map(|found| found.btf.size());
    }
}
