//! The service manager: told that the agent watches, that it lives, and that it ends.
//!
//! The protocol is that of `sd_notify(3)`: datagrams of `NAME=value` lines to the socket that `NOTIFY_SOCKET` names. Who does not run under
//! a manager that asks for it sends nothing.
//!
//! A sign of life comes from the one loop that also takes records, so that a loop that hangs anywhere gives none and is started
//! again. A broker that cannot be reached is no reason to: the gateway's watch does not depend on its uplink.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::rt;

/// The socket to tell.
const SOCKET: &str = "NOTIFY_SOCKET";
/// After how many microseconds without a sign of life the manager takes the agent for dead.
const PATIENCE: &str = "WATCHDOG_USEC";
/// The process that this is meant for; unset, or this one.
const WATCHED: &str = "WATCHDOG_PID";

/// What the manager said of itself that cannot be used. The agent runs without telling it.
#[derive(Debug)]
pub enum ManagerError {
    /// `NOTIFY_SOCKET` is neither a path nor an abstract name, or too long.
    Address {
        /// What it is.
        value: String,
    },
    /// `WATCHDOG_USEC` is no number of microseconds from 1 on.
    Patience {
        /// What it is.
        value: String,
    },
    /// No socket could be made.
    Socket(io::Error),
}

impl fmt::Display for ManagerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { value } => write!(
                f,
                "{SOCKET} is {value:?}: neither an absolute path nor `@` and an abstract name, or too long"
            ),
            Self::Patience { value } => {
                write!(f, "{PATIENCE} is {value:?}, not a number of microseconds from 1 on")
            }
            Self::Socket(error) => write!(f, "no socket to tell the service manager by: {error}"),
        }
    }
}

impl std::error::Error for ManagerError {}

/// A service manager that wants to be told.
#[derive(Debug)]
pub struct Manager {
    /// What is sent from.
    socket: UnixDatagram,
    /// Where to.
    address: SocketAddr,
    /// Time between two signs of life, if it wants any: half of its patience.
    interval: Option<Duration>,
    /// Whether it was said that the manager does not hear.
    complained: Cell<bool>,
}

impl Manager {
    /// The manager that the environment names; `None` when there is none.
    ///
    /// # Errors
    /// What of it cannot be used.
    pub fn from_env() -> Result<Option<Self>, ManagerError> {
        let get = std::env::var_os;
        Self::of(
            get(SOCKET).as_deref(),
            get(PATIENCE).as_deref(),
            get(WATCHED).as_deref(),
            std::process::id(),
        )
    }

    /// The manager behind these values; `own` is this process.
    fn of(
        socket: Option<&OsStr>,
        patience: Option<&OsStr>,
        watched: Option<&OsStr>,
        own: u32,
    ) -> Result<Option<Self>, ManagerError> {
        let Some(value) = socket.filter(|value| !value.is_empty()) else { return Ok(None) };
        let address = address(value)
            .ok_or_else(|| ManagerError::Address { value: value.to_string_lossy().into_owned() })?;
        let interval = interval(patience, watched, own)?;
        let socket = UnixDatagram::unbound().map_err(ManagerError::Socket)?;
        // A manager that does not read must not stop the watch.
        socket.set_nonblocking(true).map_err(ManagerError::Socket)?;
        Ok(Some(Self { socket, address, interval, complained: Cell::new(false) }))
    }

    /// The agent watches; `status` is a line for people.
    pub fn ready(&self, status: fmt::Arguments<'_>) {
        self.send(&format!("READY=1\nSTATUS={status}\n"));
    }

    /// The agent reads its configuration again, which [`ready`](Self::ready) ends.
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}{:06}\n", now.tv_sec, now.tv_nsec / 1_000));
    }

    /// The agent ends because it was asked to.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=saying what is left to say\n");
    }

    /// Gives signs of life for as long as the loop turns; ends only with an error.
    ///
    /// # Errors
    /// No timer is free.
    pub async fn live(&self) -> io::Result<()> {
        let Some(interval) = self.interval else { return std::future::pending().await };
        loop {
            self.send("WATCHDOG=1\n");
            rt::sleep(interval).await?;
        }
    }

    /// Sends lines; that nobody hears is said once.
    fn send(&self, lines: &str) {
        match self.socket.send_to_addr(lines.as_bytes(), &self.address) {
            Ok(_) => self.complained.set(false),
            Err(error) if !self.complained.replace(true) => {
                log::warn!("service: the manager is not told, {error}");
            }
            Err(_) => {}
        }
    }
}

/// The address of a socket: a path, or behind `@` a name that no file system has.
fn address(value: &OsStr) -> Option<SocketAddr> {
    match value.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(value).ok(),
        [b'@', name @ ..] if !name.is_empty() => SocketAddr::from_abstract_name(name).ok(),
        _ => None,
    }
}

/// Half of the manager's patience with this process.
fn interval(
    patience: Option<&OsStr>,
    watched: Option<&OsStr>,
    own: u32,
) -> Result<Option<Duration>, ManagerError> {
    let Some(value) = patience else { return Ok(None) };
    if watched.is_some_and(|watched| watched.to_str().and_then(|text| text.parse().ok()) != Some(own)) {
        // Meant for another process, which has left its environment to this one.
        return Ok(None);
    }
    let patience = value.to_str().and_then(|text| text.parse().ok()).filter(|patience| *patience != 0);
    let patience: u64 =
        patience.ok_or_else(|| ManagerError::Patience { value: value.to_string_lossy().into_owned() })?;
    Ok(Some(Duration::from_micros(patience.div_ceil(2))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        socket: &str,
        patience: Option<&str>,
        watched: Option<&str>,
    ) -> Result<Option<Manager>, ManagerError> {
        Manager::of(Some(socket.as_ref()), patience.map(OsStr::new), watched.map(OsStr::new), 7)
    }

    #[test]
    fn nobody_is_told_unless_asked_for() {
        assert!(Manager::of(None, None, None, 7).unwrap().is_none());
        assert!(of("", Some("1000"), None).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_value() {
        for bad in ["run/notify", "vsock:2:9", "@", &format!("/{}", "x".repeat(200))] {
            let error = of(bad, None, None).unwrap_err().to_string();
            assert!(error.contains("NOTIFY_SOCKET") && error.contains(bad), "{error}");
        }
        for bad in ["0", "-5", "2s", ""] {
            let error = of("/run/x", Some(bad), None).unwrap_err().to_string();
            assert!(error.contains("WATCHDOG_USEC") && error.contains(&format!("{bad:?}")), "{error}");
        }
    }

    #[test]
    fn signs_of_life_come_twice_as_often_as_needed_and_only_when_meant() {
        let interval = |patience, watched| of("/run/x", patience, watched).unwrap().unwrap().interval;
        assert_eq!(interval(Some("120000000"), None), Some(Duration::from_secs(60)));
        assert_eq!(interval(Some("1"), Some("7")), Some(Duration::from_micros(1)), "never without a pause");
        assert_eq!(interval(Some("120000000"), Some("8")), None, "for another process");
        assert_eq!(interval(None, Some("7")), None);
    }

    #[test]
    fn lines_arrive_at_an_abstract_socket_and_a_silent_one_does_not_stop_anybody() {
        let name = format!("edge-agent-test-{}", std::process::id());
        let heard = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let manager = of(&format!("@{name}"), None, None).unwrap().unwrap();
        manager.ready(format_args!("25 detectors watch"));
        manager.reloading();
        manager.stopping();
        let mut buffer = [0; 256];
        let mut next = || {
            let bytes = heard.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..bytes].to_vec()).unwrap()
        };
        assert_eq!(next(), "READY=1\nSTATUS=25 detectors watch\n");
        let reloading = next();
        let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
        assert!(since.parse::<u64>().unwrap() > 1_000_000, "{reloading}");
        assert!(next().starts_with("STOPPING=1\n"));
        // Its queue is full before this ends, and then it is gone.
        (0..10_000).for_each(|_| manager.stopping());
        assert!(manager.complained.get());
        drop(heard);
        manager.stopping();
        assert!(manager.complained.get());
    }
}
