//! What `/proc` says about one process. Every reader gives `None` for a process that is gone or hidden.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use edge_wire::Bytes;

/// Milliseconds per clock tick: `USER_HZ` is 100 on every architecture we serve (`include/uapi/asm-generic/param.h`).
const MS_PER_TICK: u64 = 10;

/// From `/proc/<tgid>/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Parent process.
    pub parent: u32,
    /// Start time in milliseconds of boot time, in steps of ten.
    pub start_ms: u64,
    /// Name of the main thread.
    pub comm: Bytes<16>,
}

/// Parses `/proc/<tgid>/stat`. The name stands in parentheses and may hold any byte, parentheses and blanks included, so the
/// last one ends it.
#[must_use]
pub fn parse_stat(text: &[u8]) -> Option<Stat> {
    let open = text.iter().position(|byte| *byte == b'(')?;
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let comm = Bytes::cut(text.get(open + 1..close)?);
    let rest = core::str::from_utf8(text.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    // Field 3 (state) is the first after the name; 4 is the parent, 22 the start time: proc(5).
    let parent = fields.nth(1)?.parse().ok()?;
    let ticks: u64 = fields.nth(17)?.parse().ok()?;
    Some(Stat { parent, start_ms: ticks.saturating_mul(MS_PER_TICK), comm })
}

/// Name, parent and start time.
#[must_use]
pub fn stat(tgid: u32) -> Option<Stat> {
    let mut buffer = [0; 512];
    parse_stat(read(tgid, "stat", &mut buffer)?)
}

/// Who a process is to the kernel, from `/proc/<tgid>/status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Real user id, in the initial user namespace.
    pub uid: u32,
    /// Capabilities in force.
    pub effective: u64,
    /// Capabilities that an exec may hand on: inheritable and ambient ones.
    pub handed: u64,
}

/// Parses `/proc/<tgid>/status`; `None` when a line is missing or no number.
#[must_use]
pub fn parse_status(text: &[u8]) -> Option<Rights> {
    let line = |name: &str| {
        let mut lines = text.split(|byte| *byte == b'\n');
        let rest = lines.find_map(|line| line.strip_prefix(name.as_bytes()))?;
        core::str::from_utf8(rest).ok()?.split_ascii_whitespace().next()
    };
    let mask = |name: &str| u64::from_str_radix(line(name)?, 16).ok();
    Some(Rights {
        uid: line("Uid:")?.parse().ok()?,
        effective: mask("CapEff:")?,
        // Since Linux 4.3.
        handed: mask("CapInh:")? | mask("CapAmb:")?,
    })
}

/// Real user id and capabilities.
#[must_use]
pub fn rights(tgid: u32) -> Option<Rights> {
    let mut buffer = [0; 2048];
    parse_status(read(tgid, "status", &mut buffer)?)
}

/// Reads the beginning of one of a process's files.
fn read<'buffer>(tgid: u32, name: &str, buffer: &'buffer mut [u8]) -> Option<&'buffer [u8]> {
    let mut file = File::open(format!("/proc/{tgid}/{name}")).ok()?;
    let length = file.read(buffer).ok()?;
    buffer.get(..length)
}

/// Descriptors of one process that are looked at.
const DESCRIPTORS: usize = 256;

/// What the descriptors of a process have open, as their links say; the first 256.
#[must_use]
pub fn descriptors(tgid: u32) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(format!("/proc/{tgid}/fd")).into_iter().flatten().flatten();
    let links = entries.take(DESCRIPTORS).filter_map(|entry| fs::read_link(entry.path()).ok());
    links.map(|link| link.into_os_string().into_vec()).collect()
}

/// What a link in a process's folder leads to, such as `exe` or `fd/0`.
#[must_use]
pub fn link(tgid: u32, name: &str) -> Option<Vec<u8>> {
    Some(fs::read_link(format!("/proc/{tgid}/{name}")).ok()?.into_os_string().into_vec())
}

/// The beginning of the command line: arguments, each ended by a NUL.
#[must_use]
pub fn cmdline(tgid: u32) -> Option<Vec<u8>> {
    let mut buffer = [0; 512];
    Some(read(tgid, "cmdline", &mut buffer)?.to_vec())
}

/// Path of the executable, links resolved. Ends in ` (deleted)` when the file is.
#[must_use]
pub fn exe(tgid: u32) -> Option<Vec<u8>> {
    link(tgid, "exe")
}

/// By which path the file is found from here that a process calls `path`: through its root, its working directory, or the
/// folder it has open as `descriptor`. `None` when the process is gone or has closed it.
#[must_use]
pub fn reach(tgid: u32, descriptor: Option<u32>, path: &[u8]) -> Option<PathBuf> {
    let below = PathBuf::from(OsString::from_vec(path.to_vec()));
    let (start, below) = match (descriptor, below.strip_prefix("/")) {
        (_, Ok(below)) => (format!("/proc/{tgid}/root"), below),
        (None, Err(_)) => (format!("/proc/{tgid}/cwd"), below.as_path()),
        (Some(number), Err(_)) => (format!("/proc/{tgid}/fd/{number}"), below.as_path()),
    };
    // A link that can be read leads somewhere, for as long as the process lives.
    fs::read_link(&start).ok()?;
    let start = PathBuf::from(start);
    Some(if below.as_os_str().is_empty() { start } else { start.join(below) })
}

/// Working directory.
#[must_use]
pub fn cwd(tgid: u32) -> Option<Vec<u8>> {
    link(tgid, "cwd")
}

/// Whether a descriptor is a netlink socket of the process's own network namespace; `None` when it is closed, or no socket.
#[must_use]
pub fn is_netlink(tgid: u32, descriptor: u64) -> Option<bool> {
    let link = fs::read_link(format!("/proc/{tgid}/fd/{descriptor}")).ok()?.into_os_string().into_vec();
    let inode: u64 =
        core::str::from_utf8(&link).ok()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
    let table = BufReader::new(File::open(format!("/proc/{tgid}/net/netlink")).ok()?);
    // A line of this table is about a hundred bytes.
    Some(table.lines().map_while(Result::ok).any(|line| netlink_inode(&line) == Some(inode)))
}

/// The inode in a line of `/proc/net/netlink`: its tenth and last field; the first line names the fields.
fn netlink_inode(line: &str) -> Option<u64> {
    line.split_ascii_whitespace().nth(9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_names_that_imitate_the_format() {
        let line = b"42 (a) S 1 (b) R 7 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 0 0";
        // The name is `a) S 1 (b`.
        let stat = parse_stat(line).unwrap();
        assert_eq!(stat.comm.as_slice(), b"a) S 1 (b");
        assert_eq!((stat.parent, stat.start_ms), (7, 123_450));
    }

    #[test]
    fn rights_are_read_and_a_name_cannot_pretend_them() {
        // The kernel writes a line break in a name as `\\n`.
        let text = "Name:\tx\\nUid:\t0\nUmask:\t0022\nUid:\t1000\t1000\t0\t0\nCapInh:\t0000000000000001\nCapPrm:\t00000000000000ff\n\
                    CapEff:\t0000000000000080\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000002\n";
        assert_eq!(parse_status(text.as_bytes()), Some(Rights { uid: 1000, effective: 0x80, handed: 3 }));
        for broken in
            [text.replace("Uid:\t1000", "Uid:\tx"), text.replace("CapAmb", "CapNone"), String::new()]
        {
            assert_eq!(parse_status(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn broken_lines_are_refused() {
        for broken in
            [&b""[..], b"42", b"42 (x", b"42 (x) S", b"42 )x( S 1", b"42 (x) S y", b"42 (x) S 1 2 3"]
        {
            assert_eq!(parse_stat(broken), None, "{}", String::from_utf8_lossy(broken));
        }
    }

    #[test]
    fn this_process_is_there() {
        let me = std::process::id();
        let own = stat(me).unwrap();
        assert!(own.parent > 0 && own.start_ms > 0);
        assert_eq!(exe(me).unwrap(), std::env::current_exe().unwrap().into_os_string().into_vec());
        assert!(cwd(me).is_some() && rights(me).is_some());
        assert_eq!(stat(u32::MAX), None);
    }

    #[test]
    fn files_of_this_process_are_reached() {
        let me = std::process::id();
        let folder = File::open("/proc/self").unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&folder).unsigned_abs();
        for (descriptor, path) in
            [(None, &b"/proc/version"[..]), (Some(number), b"status"), (Some(number), b"")]
        {
            let found = reach(me, descriptor, path).unwrap();
            assert!(fs::metadata(&found).is_ok(), "{}", found.display());
        }
        assert_eq!(reach(me, None, b"x"), Some(PathBuf::from(format!("/proc/{me}/cwd/x"))));
        assert_eq!(reach(me, Some(999_999), b"x"), None);
        assert_eq!(reach(u32::MAX, None, b"/etc"), None);
    }

    #[test]
    fn a_socket_that_is_not_netlink_is_told_apart() {
        use std::os::fd::AsRawFd as _;
        let me = std::process::id();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(is_netlink(me, socket.as_raw_fd().try_into().unwrap()), Some(false));
        assert_eq!(is_netlink(me, u64::MAX), None);
        let line =
            "ffff9a0c5b0e1000 15  613        00000002 0        0        0        2        0        14912";
        assert_eq!(netlink_inode(line), Some(14_912));
        let head = "sk       Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode";
        assert_eq!(netlink_inode(head), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_parse_or_do_not(bytes in proptest::collection::vec(0_u8.., 0..300)) {
            let _ = (parse_stat(&bytes), parse_status(&bytes));
        }
    }
}
