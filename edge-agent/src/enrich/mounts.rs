//! Where a file system is mounted: the kernel side can follow names up to the root of a file's own file system and no further.
//!
//! Source: `/proc/PID/mountinfo` (proc(5)), `ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS ...`, blanks in paths escaped as `\040`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};

/// Bytes of a table that are looked at; a gateway's has two or three thousand.
const TABLE_BYTES: u64 = 64 * 1024;

/// Bits of a device number in the kernel's own form (`MINORBITS` of `include/linux/kdev_t.h`).
const MINOR_BITS: u32 = 20;

/// The path of a file for `tgid`, or for us when that is gone: `path` is the one within the file system numbered `device`. `None` when
/// that is mounted nowhere.
#[must_use]
pub(super) fn placed(tgid: u32, device: u32, path: &[u8]) -> Option<Vec<u8>> {
    let table =
        File::open(format!("/proc/{tgid}/mountinfo")).or_else(|_| File::open("/proc/self/mountinfo")).ok()?;
    find(BufReader::with_capacity(1024, table.take(TABLE_BYTES)), device, path)
}

/// Looks in a table. A file system that is mounted at several places is told by the one that shows most of it, the first of these.
fn find(table: impl BufRead, device: u32, path: &[u8]) -> Option<Vec<u8>> {
    let wanted = format!("{}:{}", device >> MINOR_BITS, device & ((1 << MINOR_BITS) - 1));
    let mut best: Option<(usize, Vec<u8>)> = None;
    for line in table.split(b'\n').map_while(Result::ok) {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        let (Some(number), Some(root), Some(place)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if number != wanted.as_bytes() {
            continue;
        }
        let (root, place) = (plain(root), plain(place));
        let Some(rest) = below(&root, path) else { continue };
        if best.as_ref().is_none_or(|(length, _)| root.len() < *length) {
            let whole = [below(b"/", &place).unwrap_or_default(), rest].concat();
            best = Some((root.len(), whole));
        }
    }
    best.map(|(_, whole)| whole)
}

/// What of `path` is below `root`, with its slash; nothing when they are the same or `root` is all there is.
fn below<'p>(root: &[u8], path: &'p [u8]) -> Option<&'p [u8]> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let rest = path.strip_prefix(root)?;
    match rest {
        [] | [b'/'] => Some(b""),
        [b'/', ..] => Some(rest),
        _ => None,
    }
}

/// A field without its escapes: a backslash and three octal digits.
fn plain(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let code = match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                rest = after;
                (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')
            }
            _ => *first,
        };
        out.push(code);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 179:2 / / rw,relatime - ext4 /dev/root rw
23 22 0:5 / /dev rw - devtmpfs devtmpfs rw
24 22 179:3 /sub /srv/sub rw - ext4 /dev/mmcblk0p3 rw
25 22 179:3 / /data rw - ext4 /dev/mmcblk0p3 rw
26 22 179:3 / /second rw - ext4 /dev/mmcblk0p3 rw
27 22 0:40 / /my\\040disk rw - tmpfs none rw
28 22 0:41 /only/this /shown rw - ext4 /dev/x rw
half a line";

    fn at(major: u32, minor: u32, path: &str) -> Option<String> {
        let found = find(TABLE.as_bytes(), major << MINOR_BITS | minor, path.as_bytes());
        found.map(|found| String::from_utf8(found).unwrap())
    }

    #[test]
    fn a_path_begins_where_its_file_system_is_mounted() {
        assert_eq!(at(179, 2, "/etc/shadow").as_deref(), Some("/etc/shadow"));
        assert_eq!(at(0, 5, "/mem").as_deref(), Some("/dev/mem"));
        assert_eq!(at(179, 3, "/sub/file").as_deref(), Some("/data/sub/file"), "the whole before a part");
        assert_eq!(at(0, 40, "/x").as_deref(), Some("/my disk/x"));
        assert_eq!(at(0, 41, "/only/this/file").as_deref(), Some("/shown/file"));
        assert_eq!(at(0, 41, "/only/thisone"), None, "another folder");
        assert_eq!(at(0, 42, "/x"), None, "mounted nowhere");
        assert_eq!(at(179, 3, "/").as_deref(), Some("/data"));
    }

    #[test]
    fn the_root_of_this_machine_is_found() {
        use std::os::unix::fs::MetadataExt as _;
        let number = std::fs::metadata("/proc/self/stat").unwrap().dev();
        let device = (libc::major(number) << MINOR_BITS) | libc::minor(number);
        assert_eq!(
            placed(std::process::id(), device, b"/self/stat").as_deref(),
            Some(&b"/proc/self/stat"[..])
        );
        assert_eq!(
            placed(0, device, b"/self/stat").as_deref(),
            Some(&b"/proc/self/stat"[..]),
            "by our own eyes"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_table_makes_it_panic(table: Vec<u8>, device: u32, path: Vec<u8>) {
            let _ = find(&table[..], device, &path);
        }
    }
}
