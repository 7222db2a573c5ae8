//! What `/proc` says about one process. Every reader gives `None` for a process that is gone or hidden.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStringExt as _;

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

/// Real user id, from `status`.
#[must_use]
pub fn uid(tgid: u32) -> Option<u32> {
    let mut buffer = [0; 1024];
    let text = String::from_utf8_lossy(read(tgid, "status", &mut buffer)?);
    text.lines().find_map(|line| line.strip_prefix("Uid:")?.split_ascii_whitespace().next()?.parse().ok())
}

/// Reads the beginning of one of a process's files.
fn read<'buffer>(tgid: u32, name: &str, buffer: &'buffer mut [u8]) -> Option<&'buffer [u8]> {
    let mut file = File::open(format!("/proc/{tgid}/{name}")).ok()?;
    let length = file.read(buffer).ok()?;
    buffer.get(..length)
}

/// Path of the executable, links resolved. Ends in ` (deleted)` when the file is.
#[must_use]
pub fn exe(tgid: u32) -> Option<Vec<u8>> {
    Some(fs::read_link(format!("/proc/{tgid}/exe")).ok()?.into_os_string().into_vec())
}

/// Working directory.
#[must_use]
pub fn cwd(tgid: u32) -> Option<Vec<u8>> {
    Some(fs::read_link(format!("/proc/{tgid}/cwd")).ok()?.into_os_string().into_vec())
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
        assert!(cwd(me).is_some() && uid(me).is_some());
        assert_eq!(stat(u32::MAX), None);
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
            let _ = parse_stat(&bytes);
        }
    }
}
