//! The harmless acts of the self-test. Each is the smallest thing that passes a sensor, and leaves nothing behind: files that do
//! not exist or have no name, descriptors that are closed at once, datagrams to this machine's discard port, signals to oneself.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Paths that are opened for writing without being created, and do not exist: the last component says whose they are.
const WRITTEN: [&str; 4] = [
    "/etc/cron.edge-agent-self-test",
    "/dev/mtd.edge-agent-self-test",
    "/proc/sys/kernel/core_pattern.edge-agent-self-test",
    "/dev/ttyS.edge-agent-self-test",
];

/// Time the processor is kept busy for the sampler: several of its periods.
const BUSY: Duration = Duration::from_millis(250);

/// Performs all of them, one after the other. Ends by executing the agent's own program, which prints its version to nowhere.
pub(super) fn perform(login_port: Option<u16>, own_port: u16) {
    files();
    sockets(login_port);
    let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, own_port));
    super::sys_acts::perform();
    trace();
    busy();
    execute();
}

/// File operations on what does not exist; and of a file that lies in memory and has no name, an open for writing and a change of mode.
fn files() {
    if let Some(file) = super::sys_acts::memory_file() {
        let _ = OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let _ = fs::File::from(file).set_permissions(fs::Permissions::from_mode(0o4755));
    }
    let _ = fs::remove_file("/edge-agent-self-test");
    let _ = fs::remove_file("/var/log/audit/edge-agent-self-test");
    for path in WRITTEN {
        let _ = OpenOptions::new().write(true).open(path);
    }
    let _ = fs::File::open("/etc/edge-agent/self-test");
    // Only read: what a cgroup program of settings sees of it is enough.
    let _ = fs::read("/proc/sys/kernel/ostype");
    if let Ok(path) = CString::new("/edge-agent-self-test") {
        super::sys_acts::chmod(&path, 0o4755);
    }
}

/// Sockets: a connection that sends nothing, and one datagram to the discard port of this machine.
fn sockets(login_port: Option<u16>) {
    let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) else { return };
    if let Some(port) = login_port {
        let _ = socket.connect((Ipv4Addr::LOCALHOST, port));
    }
    if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
        let _ = socket.send_to(b"", (Ipv4Addr::LOCALHOST, 9));
    }
}

/// Traces a child of this process, as a debugger does: of all that may be traced, the one that even a careful kernel lets a parent trace.
/// Nobody else will do, since the security hook is asked about those that exist.
fn trace() {
    let Ok((mut ours, theirs)) = UnixStream::pair() else { return };
    let mut parents = Some(theirs);
    let child = super::sys::fork(|| {
        // Its own copy, which would keep it waiting for itself.
        drop(parents.take());
        let _ = ours.read(&mut [0]);
    });
    if let Ok(child) = child {
        super::sys_acts::trace(child);
        drop(parents);
        super::sys::reap(child);
    }
}

/// Keeps the processor busy.
fn busy() {
    let start = Instant::now();
    let mut work = 0_u64;
    while start.elapsed() < BUSY {
        work = std::hint::black_box(work.wrapping_add(1));
    }
}

/// Executes the agent's own program in place of this process. By its number, since `/proc/self/exe` is how programs start themselves
/// again, and no detector asks about that.
fn execute() {
    let _ = Command::new(format!("/proc/{}/exe", std::process::id()))
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .exec();
}
