//! What a candidate needs looked at: sockets, pipes, children, files, and what an interpreter was told to run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::proc;

/// Sockets of one table that are looked at.
const SOCKETS: usize = 8192;

/// Processes that are looked at for children of one.
const PROCESSES: usize = 2048;

/// The other end of a network socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// IP protocol number.
    pub protocol: u8,
    /// 4 or 16 bytes of `address` are in use.
    pub length: u8,
    /// Its port; 0 when nobody is connected.
    pub port: u16,
    /// Its address in network order.
    pub address: [u8; 16],
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Type and permissions.
    pub mode: u32,
    /// Time since its content, mode or name was last changed, by the clock on the wall; none when that is in the future.
    pub age: Option<Duration>,
}

/// The inode of a link such as `socket:[77]` or `pipe:[77]`.
#[must_use]
pub fn inode(link: &[u8], kind: &str) -> Option<u64> {
    let rest = link.strip_prefix(kind.as_bytes())?.strip_prefix(b":[")?.strip_suffix(b"]")?;
    core::str::from_utf8(rest).ok()?.parse().ok()
}

/// Finds a socket by its inode among those of `tgid`'s network.
#[must_use]
pub fn socket(tgid: u32, inode: u64) -> Option<Peer> {
    [("tcp", 6), ("tcp6", 6), ("udp", 17), ("udp6", 17)].into_iter().find_map(|(table, protocol)| {
        let table = BufReader::new(File::open(format!("/proc/{tgid}/net/{table}")).ok()?);
        let mut rows = table.split(b'\n').map_while(Result::ok).skip(1).take(SOCKETS);
        rows.find_map(|row| parse_socket(&row, inode, protocol))
    })
}

/// Reads one row of a table of sockets; `None` when it is about another one. Fields are those of `tcp4_seq_show` in
/// `net/ipv4/tcp_ipv4.c`: the third is the other end, the tenth the inode.
#[must_use]
pub fn parse_socket(row: &[u8], wanted: u64, protocol: u8) -> Option<Peer> {
    let mut fields = core::str::from_utf8(row).ok()?.split_ascii_whitespace();
    let (address, port) = fields.nth(2)?.split_once(':')?;
    if fields.nth(6)?.parse() != Ok(wanted) {
        return None;
    }
    let mut peer = Peer { protocol, port: u16::from_str_radix(port, 16).ok()?, ..Peer::default() };
    // Each word is printed as a number of this machine's byte order, and is in network order in memory.
    for (digits, bytes) in address.as_bytes().chunks(8).zip(peer.address.chunks_mut(4)) {
        let word = u32::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()?;
        bytes.copy_from_slice(&word.to_ne_bytes());
        peer.length += 4;
    }
    Some(peer)
}

/// The kernel's name for a device, `char` or `block`, by its numbers.
#[must_use]
pub fn device(kind: &str, major: u64, minor: u64) -> Option<Vec<u8>> {
    let link = fs::read_link(format!("/sys/dev/{kind}/{major}:{minor}")).ok()?;
    link.file_name().map(|name| name.as_bytes().to_vec())
}

/// The children of `parent`.
#[must_use]
pub fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).take(PROCESSES);
    all.filter(|tgid| proc::stat(*tgid).is_some_and(|stat| stat.parent == parent)).collect()
}

/// Mode and age of what `path` leads to.
#[must_use]
pub fn file(path: &[u8]) -> Option<FileFacts> {
    let facts = fs::metadata(Path::new(OsStr::from_bytes(path))).ok()?;
    let changed = u64::try_from(facts.ctime()).ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(FileFacts { mode: facts.mode(), age: now.checked_sub(Duration::from_secs(changed)) })
}

/// How a module ends that carries a signature (`MODULE_SIG_STRING` in `include/linux/module_signature.h`).
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// Its length, as an offset from the end.
const SIGNED_BYTES: i64 = 28;

/// Whether a module's file carries a signature; `None` for what cannot be read, or is compressed, as the signature then is, too. Whether
/// the kernel trusts it is for the kernel to say.
#[must_use]
pub fn is_signed(path: &Path) -> Option<bool> {
    // Whoever may be watched chose what this leads to: a pipe would keep the agent waiting.
    let options = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).clone();
    let mut file =
        options.open(path).ok().filter(|file| file.metadata().is_ok_and(|facts| facts.is_file()))?;
    let mut head = [0; 4];
    file.read_exact(&mut head).ok()?;
    if head != *b"\x7fELF" {
        return None;
    }
    let mut tail = [0; SIGNED_BYTES as usize];
    file.seek(SeekFrom::End(-SIGNED_BYTES)).ok()?;
    file.read_exact(&mut tail).ok()?;
    Some(tail == SIGNED)
}

/// The last component of a path.
#[must_use]
pub fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// A path of `/proc` without what the kernel adds when the file is gone.
#[must_use]
pub fn alive(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

/// Whether a file that a process runs or reads never had a name, or has lost it: whether it is a memfd.
#[must_use]
pub fn nameless(link: &[u8]) -> Option<bool> {
    let memory = link.starts_with(b"/memfd:");
    (memory || link.ends_with(b" (deleted)")).then_some(memory)
}

/// Whether an interpreter takes its program from standard input: it was given neither a file nor a command.
#[must_use]
pub fn reads_program(cmdline: &[u8]) -> bool {
    let mut words = cmdline.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    let mut name = base(words.next().unwrap_or_default());
    let mut words = words.peekable();
    if (name == b"busybox" || name == b"toybox")
        && let Some(applet) = words.next()
    {
        name = applet;
    }
    let name = name.strip_prefix(b"-").unwrap_or(name);
    let shell = name.ends_with(b"sh");
    words.all(|word| match word.split_first() {
        // `-c` of a shell and of python, `-e` of perl, lua, ruby and node, `-m` of python, `-r` of php.
        Some((b'-', rest)) if rest.first() != Some(&b'-') => {
            !rest.contains(&b'c') && (shell || !rest.iter().any(|letter| b"emr".contains(letter)))
        }
        Some((b'-', _)) => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_by_its_inode() {
        // 127.0.0.1:4444 as a little-endian machine prints it.
        let row =
            b"   1: 0100007F:8B2E 0100007F:115C 01 00000000:00000000 00:00000000 00000000  1000 0 4711 1 x";
        let peer = parse_socket(row, 4711, 6).unwrap();
        assert_eq!((peer.port, peer.length, peer.protocol), (4444, 4, 6));
        if cfg!(target_endian = "little") {
            assert_eq!(peer.address[..4], [127, 0, 0, 1]);
        }
        assert_eq!(parse_socket(row, 4712, 6), None);
        let six = b"0: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:0016 01 0:0 0:0 0 0 0 9 1";
        let peer = parse_socket(six, 9, 6).unwrap();
        assert_eq!((peer.port, peer.length), (22, 16));
        for broken in [&b""[..], b"sl local rem", b"0: 1 2 3", b"0: 0100007F:1 zz:1 0 0 0 0 0 0 4711"] {
            assert_eq!(parse_socket(broken, 4711, 6), None);
        }
    }

    #[test]
    fn a_signature_is_found_at_the_end_of_what_is_not_compressed() {
        let path = std::env::temp_dir().join(format!("edge-look-{}.ko", std::process::id()));
        let told = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            is_signed(&path)
        };
        let elf = b"\x7fELF a module that is longer than the signature's last line is";
        assert_eq!(told(elf), Some(false));
        assert_eq!(told(&[&elf[..], b"signature", SIGNED].concat()), Some(true));
        assert_eq!(told(b"\xfd7zXZ"), None, "compressed");
        assert_eq!((told(b"\x7fELF"), told(b"")), (None, None), "too short to be one");
        fs::remove_file(&path).unwrap();
        assert_eq!(is_signed(&path), None);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(is_signed(&path), None, "a pipe that nobody writes to");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn this_process_finds_its_own_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&client);
        let me = std::process::id();
        let link = proc::link(me, &format!("fd/{number}")).unwrap();
        let peer = socket(me, inode(&link, "socket").unwrap()).unwrap();
        assert_eq!(peer.port, listener.local_addr().unwrap().port());
        assert_eq!(peer.address[..4], [127, 0, 0, 1]);
        assert!(proc::descriptors(me).contains(&link));
        let (pair, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&pair);
        let link = proc::link(me, &format!("fd/{number}")).unwrap();
        assert_eq!(socket(me, inode(&link, "socket").unwrap()), None, "no network socket");
    }

    #[test]
    fn a_device_has_the_kernels_name() {
        assert_eq!(device("char", 1, 3).as_deref(), Some(&b"null"[..]));
        assert_eq!(device("char", 4095, 1), None);
    }

    #[test]
    fn links_name_kind_and_inode() {
        assert_eq!(inode(b"pipe:[12]", "pipe"), Some(12));
        assert_eq!(inode(b"pipe:[12]", "socket"), None);
        assert_eq!(inode(b"/dev/null", "pipe"), None);
        assert_eq!(nameless(b"/memfd:x (deleted)"), Some(true));
        assert_eq!(nameless(b"/data/x (deleted)"), Some(false));
        assert_eq!(nameless(b"/data/x"), None);
        assert_eq!(alive(b"/data/x (deleted)"), b"/data/x");
    }

    #[test]
    fn an_interpreter_without_a_program_reads_one() {
        for words in [
            &b"sh\0"[..],
            b"/bin/sh\0-i\0",
            b"-bash\0",
            b"bash\0--norc\0-i\0",
            b"busybox\0sh\0",
            b"python3\0-u\0",
            b"sh\0-e\0",
        ] {
            assert!(reads_program(words), "{}", String::from_utf8_lossy(words));
        }
        for words in [
            &b"sh\0-c\0id\0"[..],
            b"sh\0/etc/init.d/rcS\0",
            b"bash\0-lc\0x\0",
            b"python3\0-m\0http.server\0",
            b"perl\0-ne\0print\0",
            b"busybox\0sh\0/x\0",
        ] {
            assert!(!reads_program(words), "{}", String::from_utf8_lossy(words));
        }
    }

    #[test]
    fn a_file_has_mode_and_age() {
        let me = std::env::current_exe().unwrap();
        let facts = file(me.as_os_str().as_bytes()).unwrap();
        assert_ne!(facts.mode & 0o100, 0);
        assert!(facts.age.is_some());
        assert_eq!(file(b"/nonexistent/x"), None);
    }
}
