//! A Mosquitto of our own.

use rustix::process::{Pid, Signal, kill_process};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A broker process on a loopback port, with a folder for its database; both end with this value.
pub(crate) struct Mosquitto {
    /// Where it listens.
    pub(crate) port: u16,
    /// Its folder.
    folder: PathBuf,
    /// The process, while it runs.
    child: Option<Child>,
}

/// A port nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Mosquitto {
    /// Starts one; `extra` are further lines of its configuration.
    pub(crate) fn start(extra: &str) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("edge-link-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let database = folder.display();
        // `user root` keeps it from dropping to an account that may not write the folder.
        let lines = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location \
             {database}/\nmax_queued_messages 0\n{extra}\n"
        );
        std::fs::write(folder.join("mosquitto.conf"), lines).unwrap();
        let mut broker = Self { port, folder, child: None };
        broker.restart();
        broker
    }

    /// Starts it (again) on the same port with the same database, and waits until it listens.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let child = Command::new(find("mosquitto"))
            .arg("-c")
            .arg(self.folder.join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("mosquitto does not start: {error}")));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "mosquitto does not listen on {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops its process without closing anything: what a dead uplink looks like from here.
    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), Signal::STOP).unwrap();
    }

    /// Lets it go on after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), Signal::CONT).unwrap();
    }

    /// Ends it with SIGTERM, on which it saves its database: what it has acknowledged is its own to keep, and a
    /// broker that loses that is not what is tested here.
    pub(crate) fn kill(&mut self) {
        self.end(Signal::TERM);
    }

    /// Ends it with SIGKILL: what it had not saved is gone.
    pub(crate) fn crash(&mut self) {
        self.end(Signal::KILL);
    }

    /// Ends it with a signal and waits until it is gone.
    fn end(&mut self, signal: Signal) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_child(&child);
            kill_process(pid, signal).unwrap();
            // It may be frozen.
            kill_process(pid, Signal::CONT).unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        // Left-over files in the temporary folder harm nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Debian keeps the broker where ordinary users' paths do not reach.
fn find(program: &str) -> PathBuf {
    let sbin = Path::new("/usr/sbin").join(program);
    if sbin.exists() { sbin } else { program.into() }
}
