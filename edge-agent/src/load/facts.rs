//! A wrong offset must never become a wrong verdict: before a program may use offsets of kernel structs, one reads through them what
//! the agent knows by other ways (its own process, its executable, files it has open), and everything must be the same.
//!
//! The program is `edge-ebpf/src/sensors/facts.rs`. What no task leads to (`linux_binprm`, `iattr`) is compared with the layouts that
//! these structs have in every kernel from 5.10 to 7.2, as far as they have one.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;

use aya::maps::{Array, Map, MapData};
use edge_abi::{FACT_NAME, Facts, FileFacts, OFFSET_SLOTS, Offset, Same};
use edge_btf::Places;
use rustix::fs::{MemfdFlags, OFlags};
use serde::{Deserialize, Serialize};

use super::sys;

/// One thing read by both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about, such as `executable: inode`.
    pub name: String,
    /// What the kernel side read.
    pub read: String,
    /// What is known.
    pub known: String,
}

impl Fact {
    /// Whether both are the same.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.read == self.known
    }
}

/// `OVERLAYFS_SUPER_MAGIC`: `stat` tells of the file below, not of the inode that is open.
const OVERLAYFS: u64 = 0x794c_7630;
/// `BTRFS_SUPER_MAGIC`: `stat` tells of the subvolume's device.
const BTRFS: u64 = 0x9123_683e;
/// `PF_FORKNOEXEC` and `PF_KTHREAD` (`include/linux/sched.h`), which do not change while a program runs.
const STEADY_FLAGS: u32 = 0x40 | 0x20_0000;
/// Name of the file that is made to be looked at.
const NAME: &str = "edge-facts";
/// Nanoseconds of a clock tick as `/proc` counts them.
const TICK_NS: u64 = 10_000_000;

/// The files that are looked at.
struct Files {
    /// A file in memory with a size, position, mode and owner of its own.
    memory: File,
    /// `/proc/self/status`: a name in a folder of another file system.
    status: File,
    /// `/dev/null`: a device.
    null: File,
    /// A socket that is connected to itself.
    socket: Option<UdpSocket>,
}

impl Files {
    /// Opens them.
    fn open() -> io::Result<Self> {
        let mut memory = File::from(rustix::fs::memfd_create(NAME, MemfdFlags::CLOEXEC)?);
        memory.write_all(&[0x55; 4321])?;
        memory.seek(SeekFrom::Start(1234))?;
        // Whatever is refused leaves what `fstat` then tells.
        let _ = std::os::unix::fs::fchown(&memory, Some(4242), Some(2424));
        let _ = rustix::fs::fchmod(&memory, rustix::fs::Mode::from_raw_mode(0o640));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
            socket.connect(socket.local_addr()?)?;
            Ok(socket)
        });
        let (status, null) = (File::open("/proc/self/status")?, File::open("/dev/null")?);
        Ok(Self { memory, status, null, socket: socket.ok() })
    }

    /// Their descriptors, in the order in which the program takes them.
    fn words(&self) -> [u64; 4] {
        let word = |file: BorrowedFd<'_>| u64::from(file.as_raw_fd().cast_unsigned());
        let socket = self.socket.as_ref().map_or(u64::MAX, |socket| word(socket.as_fd()));
        [word(self.memory.as_fd()), word(self.status.as_fd()), word(self.null.as_fd()), socket]
    }
}

/// Lets the program read, and compares. `program` is `facts`, loaded as a raw tracepoint program; `map` is `FACTS`; `places` is what
/// the kernel side works with.
///
/// # Errors
/// What the kernel says to running the program (Linux 5.10 and later can), or to the files.
pub(super) fn run(program: BorrowedFd<'_>, map: BorrowedFd<'_>, places: &Places) -> io::Result<Vec<Fact>> {
    let files = Files::open()?;
    sys::test_run(program, &files.words())?;
    let map = MapData::from_fd(map.try_clone_to_owned()?).map_err(io::Error::other)?;
    let map: Array<_, [u8; size_of::<Facts>()]> =
        Array::try_from(Map::Array(map)).map_err(io::Error::other)?;
    let facts: Facts = bytemuck::cast(map.get(&0, 0).map_err(io::Error::other)?);
    let mut known = Known::new(places);
    known.of_layouts();
    known.of_process(&facts)?;
    known.of_files(&facts, &files)?;
    known.of_untried();
    Ok(known.facts)
}

/// The first fact that does not hold.
#[must_use]
pub(super) fn broken(facts: &[Fact]) -> Option<&Fact> {
    facts.iter().find(|fact| !fact.holds())
}

/// Facts so far.
struct Known<'p> {
    /// Each with both sides.
    facts: Vec<Fact>,
    /// Where members are.
    places: &'p Places,
    /// Members that a fact rests on, by slot.
    tried: [bool; OFFSET_SLOTS],
}

impl<'p> Known<'p> {
    /// No facts yet.
    const fn new(places: &'p Places) -> Self {
        Self { facts: Vec::new(), places, tried: [false; OFFSET_SLOTS] }
    }

    /// Adds a fact; one that rests on a member whose place is unknown is none.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts as they come")]
    fn add(&mut self, name: &str, members: &[Offset], read: impl ToString, known: impl ToString) {
        if members.iter().all(|member| self.places.of(*member).is_some()) {
            for member in members {
                if let Some(tried) = self.tried.get_mut(member.slot()) {
                    *tried = true;
                }
            }
            self.facts.push(Fact { name: name.to_owned(), read: read.to_string(), known: known.to_string() });
        }
    }

    /// A needed member that no fact rests on is as good as a wrong one.
    fn of_untried(&mut self) {
        let untried = |member: &&Offset| member.is_needed() && self.tried.get(member.slot()) != Some(&true);
        if let Some(member) = Offset::ALL.iter().find(untried) {
            let name = format!("{}.{}", member.structure(), member.way());
            self.facts.push(Fact { name, read: "not tried".to_owned(), known: "needed".to_owned() });
        }
    }

    /// What must hold between offsets, whatever they are.
    fn of_layouts(&mut self) {
        use Offset::{
            BprmCred, BprmFile, BprmFilename, BprmInterp, DentryName, DentryNameLen, DentryNameText,
            FileDentry, FileMnt, FilePath, IattrMode, IattrSize, IattrValid, PathDentry, PathMnt,
        };
        // struct iattr of include/linux/fs.h: `unsigned int ia_valid; umode_t ia_mode; ids of 32 bits; loff_t ia_size`.
        for (name, member, place) in [
            ("attributes: valid", IattrValid, 0),
            ("attributes: mode", IattrMode, 4),
            ("attributes: size", IattrSize, 16),
        ] {
            self.add(name, &[member], self.places.of(member).unwrap_or(0), place);
        }
        for (name, whole, part, both) in
            [("path: mount", FilePath, PathMnt, FileMnt), ("path: name", FilePath, PathDentry, FileDentry)]
        {
            let sum = self.places.of(whole).zip(self.places.of(part)).map_or(0, |(whole, part)| whole + part);
            self.add(name, &[whole, part, both], self.places.of(both).unwrap_or(0), sum);
        }
        // struct qstr of include/linux/dcache.h: hash and length of 32 bits, then the pointer; all supported machines are little-endian.
        let name = self.places.of(DentryName).unwrap_or(0);
        for (text, member, behind) in [("name: length", DentryNameLen, 4), ("name: text", DentryNameText, 8)]
        {
            self.add(text, &[DentryName, member], self.places.of(member).unwrap_or(0), name + behind);
        }
        // struct linux_binprm of include/linux/binfmts.h differs too much to be stated, but four pointers do not share a place.
        let members = [BprmFile, BprmCred, BprmFilename, BprmInterp];
        let mut places: Vec<u32> = members.into_iter().filter_map(|member| self.places.of(member)).collect();
        places.sort_unstable();
        places.dedup();
        let apart = places.iter().zip(places.iter().skip(1)).all(|(left, right)| right - left >= 8);
        let aligned = places.iter().all(|place| place % 8 == 0 && *place < 1024);
        self.add("execution: pointers apart", &members, places.len() == 4 && apart && aligned, true);
    }

    /// What is known of this process.
    fn of_process(&mut self, facts: &Facts) -> io::Result<()> {
        use Offset::{
            CredEffective, CredEuid, CredPermitted, CredUid, CredUserNs, FilesTable, TableMax, TaskComm,
            TaskCred, TaskFiles, TaskFlags, TaskLeader, TaskParent, TaskPid, TaskRealCred, TaskStart,
            TaskTgid, UserNsInum,
        };
        let status = fs::read_to_string("/proc/self/status")?;
        let line = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .map(str::trim)
                .unwrap_or_default()
                .to_owned()
        };
        let stat = fs::read_to_string("/proc/self/stat")?;
        // The name stands in brackets and may hold anything.
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number).copied().unwrap_or_default();
        self.add("process: id", &[TaskTgid], facts.tgid, std::process::id());
        self.add("process: thread", &[TaskPid], facts.pid, rustix::thread::gettid().as_raw_nonzero());
        self.add("process: leader", &[TaskLeader, TaskPid], facts.leader, std::process::id());
        self.add(
            "process: parent",
            &[TaskParent, TaskTgid],
            facts.parent,
            std::os::unix::process::parent_id(),
        );
        self.add("process: start", &[TaskStart], facts.start_ns / TICK_NS, field(19));
        self.add(
            "process: name",
            &[TaskComm],
            text(&facts.comm),
            fs::read_to_string("/proc/self/comm")?.trim_end(),
        );
        let steady = field(6).parse::<u32>().unwrap_or(0) & STEADY_FLAGS;
        self.add("process: flags", &[TaskFlags], facts.task_flags & STEADY_FLAGS, steady);
        let (uid, euid) = (rustix::process::getuid().as_raw(), rustix::process::geteuid().as_raw());
        self.add("process: user", &[TaskCred, CredUid], facts.uid, uid);
        self.add("process: effective user", &[TaskCred, CredEuid], facts.euid, euid);
        self.add("process: real user", &[TaskRealCred, CredUid], facts.real_uid, uid);
        let hex = |value: u64| format!("{value:016x}");
        self.add("process: capabilities", &[TaskCred, CredEffective], hex(facts.effective), line("CapEff:"));
        let members = [TaskCred, CredPermitted];
        self.add("process: permitted capabilities", &members, hex(facts.permitted), line("CapPrm:"));
        self.add("process: descriptors", &[TaskFiles, FilesTable, TableMax], facts.max_fds, line("FDSize:"));
        let namespace = fs::metadata("/proc/self/ns/user").map(|it| it.ino());
        if let Ok(namespace) = namespace {
            let members = [TaskCred, CredUserNs, UserNsInum];
            self.add("process: user namespace", &members, facts.user_ns, namespace);
        }
        Ok(())
    }

    /// What is known of the files.
    fn of_files(&mut self, facts: &Facts, files: &Files) -> io::Result<()> {
        use Offset::{DentryInode, DentryNameText, DentryParent, FileDentry, FileMnt, InodeIno, MountRoot};
        let [memory, status, null, socket, executable] = &facts.files;
        self.of_open("file", memory, &files.memory, &format!("memfd:{NAME}"))?;
        self.of_open("folder", status, &files.status, "status")?;
        self.of_open("device", null, &files.null, "null")?;
        let folder = [FileDentry, DentryParent, DentryNameText];
        self.add("folder: its name", &folder, text(&status.folder_name), std::process::id());
        let folder = [FileDentry, DentryParent, DentryInode, InodeIno];
        self.add("folder: its inode", &folder, status.folder, fs::metadata("/proc/self/")?.ino());
        let root = [FileMnt, MountRoot, DentryInode, InodeIno];
        self.add("folder: root of the mount", &root, status.root, fs::metadata("/proc/")?.ino());
        let root = [FileMnt, MountRoot, DentryParent];
        self.add("folder: root has no parent", &root, is(status, Same::Root), true);
        if let Some(known) = files.socket.as_ref() {
            self.of_socket(socket, known.local_addr()?.port());
        }
        self.of_executable(executable)
    }

    /// What is known of an open file.
    fn of_open(&mut self, what: &str, read: &FileFacts, file: &File, name: &str) -> io::Result<()> {
        use Offset::{FileFlags, FileMode, FilePos, TableFiles};
        let known = file.metadata()?;
        let flags = rustix::fs::fcntl_getfl(file)?;
        let access = match flags & OFlags::RWMODE {
            OFlags::RDONLY => 1,
            OFlags::WRONLY => 2,
            _ => 3,
        };
        self.add(&format!("{what}: flags"), &[TableFiles, FileFlags], read.flags, flags.bits());
        self.add(&format!("{what}: access"), &[TableFiles, FileMode], read.access & 3, access);
        let position = rustix::fs::tell(file).unwrap_or(0);
        self.add(&format!("{what}: position"), &[TableFiles, FilePos], read.position, position);
        self.of_inode(what, read, &known);
        self.add(&format!("{what}: device"), &[Offset::SuperDev], read.dev, kernel_device(known.dev()));
        self.of_super(what, read, magic(file)?);
        self.of_name(what, read, name.as_bytes());
        Ok(())
    }

    /// What `stat` knows of a file.
    fn of_inode(&mut self, what: &str, read: &FileFacts, known: &fs::Metadata) {
        use Offset::{FileInode, InodeGid, InodeIno, InodeMode, InodeNlink, InodeRdev, InodeSize, InodeUid};
        let mut add = |name: &str, member: Offset, read: u64, known: u64| {
            self.add(&format!("{what}: {name}"), &[FileInode, member], read, known);
        };
        add("inode", InodeIno, read.ino, known.ino());
        add("size", InodeSize, read.size, known.size());
        add("mode", InodeMode, read.mode.into(), known.mode().into());
        add("links", InodeNlink, read.links.into(), known.nlink());
        add("owner", InodeUid, read.uid.into(), known.uid().into());
        add("group", InodeGid, read.gid.into(), known.gid().into());
        add("number of the device", InodeRdev, read.rdev.into(), kernel_device(known.rdev()).into());
    }

    /// What is known of a file's file system, and of the ways that lead to it.
    fn of_super(&mut self, what: &str, read: &FileFacts, magic: u64) {
        use Offset::{DentryInode, DentrySb, FileDentry, FileMnt, InodeSb, SuperMagic, VfsMountSb};
        self.add(&format!("{what}: file system"), &[InodeSb, SuperMagic], read.magic, magic);
        let way = |what: &str, how: &str| format!("{what}: one {how} both ways");
        self.add(&way(what, "inode"), &[FileDentry, DentryInode], is(read, Same::Inode), true);
        self.add(&way(what, "file system"), &[FileDentry, DentrySb], is(read, Same::Super), true);
        self.add(&way(what, "mount"), &[FileMnt, VfsMountSb], is(read, Same::Mount), true);
    }

    /// What a file is called.
    fn of_name(&mut self, what: &str, read: &FileFacts, name: &[u8]) {
        use Offset::{DentryNameLen, DentryNameText, FileDentry};
        let kept = name.get(..FACT_NAME - 1).unwrap_or(name);
        let members = [FileDentry, DentryNameText];
        self.add(&format!("{what}: name"), &members, text(&read.name), String::from_utf8_lossy(kept));
        self.add(
            &format!("{what}: length of the name"),
            &[FileDentry, DentryNameLen],
            read.name_len,
            name.len(),
        );
    }

    /// What is known of a datagram socket of IPv4 that is connected to itself.
    fn of_socket(&mut self, read: &FileFacts, port: u16) {
        use Offset::{
            FilePrivate, SockFamily, SockPeer, SockPeerPort, SockPort, SockProtocol, SockType, SocketSock,
            SocketType,
        };
        let (low, high) = (|word: u32| word & 0xffff, |word: u32| word >> 16);
        let mut add = |name: &str, member: Offset, read: u32, known: u32| {
            self.add(&format!("socket: {name}"), &[FilePrivate, SocketSock, member], read, known);
        };
        add("type", SocketType, low(read.sock_family), 2);
        add("type of its sock", SockType, low(read.sock_type), 2);
        add("protocol", SockProtocol, high(read.sock_type), 17);
        add("family", SockFamily, high(read.sock_family), 2);
        add("port", SockPort, low(read.sock_ports), port.into());
        add("peer's port", SockPeerPort, high(read.sock_ports), port.to_be().into());
        add("peer", SockPeer, read.sock_peer, u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()));
    }

    /// What is known of the program that this process runs.
    fn of_executable(&mut self, read: &FileFacts) -> io::Result<()> {
        use Offset::{InodeIno, InodeMode, InodeSb, MmExeFile, SuperDev, SuperMagic, TaskMm};
        let file = File::open("/proc/self/exe")?;
        let known = file.metadata()?;
        let magic = magic(&file)?;
        let way = |member| [TaskMm, MmExeFile, member];
        self.add("executable: mode", &way(InodeMode), read.mode, known.mode());
        self.add("executable: file system", &[TaskMm, MmExeFile, InodeSb, SuperMagic], read.magic, magic);
        if magic != OVERLAYFS {
            self.add("executable: inode", &way(InodeIno), read.ino, known.ino());
        }
        if magic != OVERLAYFS && magic != BTRFS {
            self.add(
                "executable: device",
                &[TaskMm, MmExeFile, InodeSb, SuperDev],
                read.dev,
                kernel_device(known.dev()),
            );
        }
        let path = fs::read_link("/proc/self/exe")?;
        let path = path.as_os_str().as_bytes();
        // The name of a file that is gone has a remark behind it, and a memory file's is not the last part of a path.
        if !path.ends_with(b" (deleted)") {
            self.of_name("executable", read, path.rsplit(|byte| *byte == b'/').next().unwrap_or_default());
        }
        Ok(())
    }
}

/// The magic number of a file's file system.
#[expect(clippy::cast_sign_loss, reason = "signed here, unsigned in the kernel")]
fn magic(file: &File) -> io::Result<u64> {
    Ok(rustix::fs::fstatfs(file)?.f_type as u64)
}

/// Whether two ways led to the same.
fn is(read: &FileFacts, same: Same) -> bool {
    read.same & same as u32 != 0
}

/// Bytes up to the first NUL, as text.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// A device number as the kernel has it in its structs: 12 bits of major number, 20 of minor.
fn kernel_device(device: u64) -> u32 {
    rustix::fs::major(device) << 20 | rustix::fs::minor(device) & 0x000f_ffff
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
