//! Facts about path strings, computed in one pass each and without branches on their content where a result is used as an
//! index: a branch per byte would make the verifier walk every combination.

use edge_abi::{
    NAME_HASH_PRIME as FNV_PRIME, NAME_HASH_START as FNV_START, PATH_BYTES, PREFIX_BYTES, tail_hash,
};

/// A NUL-terminated path; bytes after the NUL are whatever was there before.
///
/// Aligned to words, because the compiler copies an unaligned array byte by byte, in two instructions each; in two halves,
/// because the first is also a key of the prefix map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct PathBuffer(pub [[u8; PREFIX_BYTES]; 2]);

impl PathBuffer {
    /// All bytes.
    #[inline(always)]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// All bytes, to be filled.
    #[inline(always)]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.0.as_flattened_mut()
    }

    /// The first byte; 0 for an empty path.
    #[inline(always)]
    #[must_use]
    pub fn first(&self) -> u8 {
        self.bytes().first().copied().unwrap_or(0)
    }

    /// Empties the path.
    #[inline(always)]
    pub fn clear(&mut self) {
        if let Some(first) = self.bytes_mut().first_mut() {
            *first = 0;
        }
    }
}

/// Indices into a [`PathBuffer`] are masked with this.
const MASK: usize = PATH_BYTES - 1;
const _: () = assert!(PATH_BYTES.is_power_of_two() && PATH_BYTES == 2 * PREFIX_BYTES);

/// What one pass over a path tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PathFacts {
    /// Identity of the string, never 0: FNV-1a of 32 bits.
    pub identity: u32,
    /// Where the last component begins.
    pub base: u32,
    /// 1 when two dots stand side by side, as in `..`; the path may then lead anywhere.
    pub dotdot: u32,
    /// 1 when the string is no plain form of what it names: `//`, or a component that is or begins with a dot after a slash.
    pub odd: u32,
    /// Hash of the last component, see [`edge_abi::name_hash`].
    pub name: u32,
    /// Hash of the last two components.
    pub tail: u32,
}

/// 1 when `byte` equals `wanted`, else 0; arithmetic only.
#[inline(always)]
pub(crate) fn equals(byte: u8, wanted: u8) -> u32 {
    u32::from(byte ^ wanted).wrapping_sub(1) >> 31
}

/// Reads one byte at a masked index.
#[inline(always)]
#[must_use]
pub fn at(path: &PathBuffer, index: u32) -> u8 {
    path.bytes().get(index as usize & MASK).copied().unwrap_or(0)
}

/// Makes the verifier forget what it knows of a number, by way of map memory, whose contents it does not follow.
///
/// A number that a loop computed is otherwise another one for each way out of the loop, and everything after the loop is
/// walked once for each: without this, Linux 6.18 gave up after a million instructions.
#[inline(always)]
#[must_use]
pub fn forget(slot: &mut u32, value: u32) -> u32 {
    // SAFETY: a reference is valid for a write. Volatile, since the compiler would else see through it.
    unsafe { core::ptr::write_volatile(slot, value) };
    // SAFETY: the same, for a read.
    unsafe { core::ptr::read_volatile(slot) }
}

/// Scans a path into `facts`, which lies in map memory (see [`forget`]).
///
/// Nothing but dots and slashes is looked at twice, and few bytes are as low as these. What they change is forgotten at once, and was from
/// the beginning, so that all ways through a byte are the same to the verifier.
#[inline(always)]
pub fn scan(path: &PathBuffer, facts: &mut PathFacts) {
    let mut identity = forget(&mut facts.identity, FNV_START);
    let mut name = forget(&mut facts.name, FNV_START);
    let mut folder = forget(&mut facts.tail, FNV_START);
    let mut base = forget(&mut facts.base, 0);
    let mut dotdot = forget(&mut facts.dotdot, 0);
    let mut odd = forget(&mut facts.odd, 0);
    let mut before = 0_u32;
    let mut index = 0_u32;
    while index < PATH_BYTES as u32 {
        let byte = at(path, index);
        if byte == 0 {
            break;
        }
        identity = (identity ^ u32::from(byte)).wrapping_mul(FNV_PRIME);
        if byte <= b'/' {
            let (dot, slash) = (equals(byte, b'.'), equals(byte, b'/'));
            odd = forget(&mut facts.odd, odd | (equals(before as u8, b'/') & (dot | slash)));
            dotdot = forget(&mut facts.dotdot, dotdot | (equals(before as u8, b'.') & dot));
            if slash != 0 {
                folder = name;
                base = forget(&mut facts.base, index + 1);
                name = forget(&mut facts.name, FNV_START);
            } else {
                name = (name ^ u32::from(byte)).wrapping_mul(FNV_PRIME);
            }
        } else {
            name = (name ^ u32::from(byte)).wrapping_mul(FNV_PRIME);
        }
        before = u32::from(byte);
        index += 1;
    }
    facts.identity = forget(&mut facts.identity, identity | 1);
    facts.base = forget(&mut facts.base, base);
    facts.dotdot = forget(&mut facts.dotdot, dotdot);
    facts.odd = forget(&mut facts.odd, odd);
    facts.name = forget(&mut facts.name, name);
    facts.tail = forget(&mut facts.tail, tail_hash(folder, name));
}

/// How the new name of a renamed file relates to its old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameShape {
    /// The old name with an ending of its own: `a.doc` to `a.doc.locked`.
    Ending,
    /// A temporary name to a final one: `a.dpkg-new`, `a.part` or `.a.Xy12` to `a`.
    Arrival,
    /// Anything else: a move, a rotation (`log.1` to `log.2`, `log` to `log.1`), an unrelated name.
    Plain,
}

/// Compares the last components of two paths. `cursors` lie in map memory (see [`forget`]).
#[inline(always)]
#[must_use]
pub fn rename_shape(
    old: &PathBuffer,
    old_base: u32,
    new: &PathBuffer,
    new_base: u32,
    cursors: &mut [u32; 2],
) -> RenameShape {
    // A hidden temporary name (`.name.XXXXXX`, as rsync makes them) is compared without its dot.
    let hidden = equals(at(old, old_base), b'.') & (1 ^ equals(at(new, new_base), b'.'));
    let mut left = old_base + hidden;
    let mut right = new_base;
    let mut steps = 0;
    while steps < PATH_BYTES {
        let byte = at(old, left);
        if byte == 0 || byte != at(new, right) {
            break;
        }
        left += 1;
        right += 1;
        steps += 1;
    }
    let [left_slot, right_slot] = cursors;
    let left = forget(left_slot, left);
    let right = forget(right_slot, right);
    let (old_rest, new_rest) = (at(old, left), at(new, right));
    if left == old_base + hidden || (old_rest == 0) == (new_rest == 0) {
        return RenameShape::Plain;
    }
    if new_rest == 0 {
        return RenameShape::Arrival;
    }
    // The old name is a beginning of the new one. A letter in the rest makes it an ending; digits, dots, dashes and
    // tildes alone are a rotation or a backup.
    let mut letters = 0;
    let mut index = 0;
    while index < 16 {
        let byte = at(new, right + index);
        if byte == 0 {
            break;
        }
        let folded = byte | 0x20;
        letters |= u32::from(folded.wrapping_sub(b'a') < 26);
        index += 1;
    }
    if letters != 0 && hidden == 0 { RenameShape::Ending } else { RenameShape::Plain }
}

/// Whether a path lies in a kernel file system or among devices, where nothing written is a file that can be lost.
#[inline(always)]
#[must_use]
pub fn is_synthetic(path: &PathBuffer) -> bool {
    let bytes = path.bytes();
    (bytes.starts_with(b"/dev/") && !bytes.starts_with(b"/dev/shm/"))
        || bytes.starts_with(b"/sys/")
        || bytes.starts_with(b"/proc")
}

#[cfg(test)]
mod tests {
    use edge_abi::name_hash;

    use super::*;

    fn path(text: &str) -> PathBuffer {
        // Garbage behind the NUL, as a reused buffer has it.
        let mut buffer = PathBuffer([[b'/'; PREFIX_BYTES]; 2]);
        let bytes = buffer.bytes_mut();
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes[text.len()] = 0;
        buffer
    }

    fn facts(path: &PathBuffer) -> PathFacts {
        let mut facts = PathFacts::default();
        scan(path, &mut facts);
        facts
    }

    fn shape(old: &str, new: &str) -> RenameShape {
        let (old, new) = (path(old), path(new));
        rename_shape(&old, facts(&old).base, &new, facts(&new).base, &mut [0; 2])
    }

    #[test]
    fn finds_the_last_component_and_double_dots() {
        assert_eq!(facts(&path("/a/bc/d")).base, 6);
        assert_eq!(facts(&path("plain")).base, 0);
        assert_eq!(facts(&path("/tmp/../etc")).dotdot, 1);
        assert_eq!(facts(&path("./a.b/.c")).dotdot, 0);
        assert_eq!(facts(&path("")).base, 0);
    }

    #[test]
    fn names_are_hashed_by_component() {
        let found = facts(&path("/root/.ssh/authorized_keys"));
        assert_eq!(found.name, name_hash(b"authorized_keys"));
        assert_eq!(found.tail, tail_hash(name_hash(b".ssh"), name_hash(b"authorized_keys")));
        assert_eq!(facts(&path("/x/.ssh/authorized_keys")).tail, found.tail);
        assert_ne!(facts(&path("/root/ssh/authorized_keys")).tail, found.tail);
        assert_eq!(facts(&path("shadow")).name, name_hash(b"shadow"));
    }

    #[test]
    fn forms_that_hide_a_path_are_odd() {
        for odd in ["/etc//shadow", "/etc/./shadow", "//etc/shadow", "/etc/../etc/shadow", "/root/.ssh/x"] {
            assert_eq!(facts(&path(odd)).odd, 1, "{odd}");
        }
        for plain in ["/etc/shadow", "etc/a.b", ".profile"] {
            assert_eq!(facts(&path(plain)).odd, 0, "{plain}");
        }
    }

    #[test]
    fn identity_is_of_the_string_alone() {
        let mut other = path("/data/a");
        other.bytes_mut()[20] = b'x';
        assert_eq!(facts(&path("/data/a")).identity, facts(&other).identity);
        assert_ne!(facts(&path("/data/a")).identity, facts(&path("/data/b")).identity);
        assert_ne!(facts(&path("")).identity, 0);
    }

    #[test]
    fn a_full_buffer_ends_at_its_end() {
        let full = PathBuffer([[b'x'; PREFIX_BYTES]; 2]);
        assert_ne!(facts(&full).identity, 0);
        assert_eq!(rename_shape(&full, 0, &full, 0, &mut [0; 2]), RenameShape::Plain);
    }

    #[test]
    fn new_endings_of_ransomware() {
        assert_eq!(shape("/d/a.doc", "/d/a.doc.locked"), RenameShape::Ending);
        assert_eq!(shape("a.doc", "a.doc_encrypted"), RenameShape::Ending);
        assert_eq!(shape("/d/a.doc", "/elsewhere/a.doc.[id-77].x"), RenameShape::Ending);
    }

    #[test]
    fn rotations_and_backups_are_not_endings() {
        assert_eq!(shape("/var/log/syslog", "/var/log/syslog.1"), RenameShape::Plain);
        assert_eq!(shape("/var/log/syslog.1", "/var/log/syslog.2"), RenameShape::Plain);
        assert_eq!(shape("/var/log/syslog", "/var/log/syslog-20261123"), RenameShape::Plain);
        assert_eq!(shape("notes", "notes~"), RenameShape::Plain);
    }

    #[test]
    fn temporary_names_arrive() {
        assert_eq!(shape("/usr/bin/x.dpkg-new", "/usr/bin/x"), RenameShape::Arrival);
        assert_eq!(shape("/data/.photo.jpg.Xy12Zq", "/data/photo.jpg"), RenameShape::Arrival);
        assert_eq!(shape("clip.mp4.part", "clip.mp4"), RenameShape::Arrival);
    }

    #[test]
    fn moves_and_strangers_are_plain() {
        assert_eq!(shape("/a/x", "/b/x"), RenameShape::Plain);
        assert_eq!(shape("/a/x", "/a/y"), RenameShape::Plain);
        assert_eq!(shape("/a/x.doc", "/a/8f3e.enc"), RenameShape::Plain);
    }

    #[test]
    fn kernel_files_are_not_files_to_lose() {
        for synthetic in ["/dev/null", "/proc/self/oom_adj", "/sys/class/x"] {
            assert!(is_synthetic(&path(synthetic)), "{synthetic}");
        }
        for real in ["/data/dev/x", "/dev/shm/x", "relative", "/devices"] {
            assert!(!is_synthetic(&path(real)), "{real}");
        }
    }
}
