//! A link that can be spoiled: a TCP proxy between the agent and a broker, threads and blocking sockets only.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How often a quiet direction looks at the clock and at the state of the wire.
const LOOK: Duration = Duration::from_millis(2);

/// What happens to bytes. A change holds for connections that exist, too; one that has lost a byte never passes
/// another, since what is left of its stream means nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// They pass.
    Good,
    /// They are swallowed both ways, and nobody is told.
    Hole,
    /// What the agent says is swallowed; what the broker says passes.
    Deaf,
    /// They pass this much later.
    Late(Duration),
    /// Each new connection ends after a number of bytes that chance gives it, up or down.
    Cut,
    /// The agent is told that the broker has said its last; the broker is told nothing.
    EndDown,
    /// The broker is told that the agent has said its last; the agent is told nothing.
    EndUp,
}

/// The direction of one half of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the agent to the broker.
    Up,
    /// From the broker to the agent.
    Down,
}

/// What the threads share.
struct Shared {
    /// The state of the wire.
    wire: Mutex<Wire>,
    /// Connections cut so far.
    cuts: AtomicU32,
    /// The proxy ends.
    done: AtomicBool,
}

impl Shared {
    /// The state of the wire.
    fn wire(&self) -> Wire {
        *self.wire.lock().unwrap()
    }
}

/// The proxy; its connections end with it.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) port: u16,
    /// What its threads share.
    shared: Arc<Shared>,
}

impl Proxy {
    /// A good wire to the broker on this loopback port.
    pub(crate) fn start(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            wire: Mutex::new(Wire::Good),
            cuts: AtomicU32::new(0),
            done: AtomicBool::new(false),
        });
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, broker, &shared)
        });
        Self { port, shared }
    }

    /// Changes the wire.
    pub(crate) fn set(&self, wire: Wire) {
        *self.shared.wire.lock().unwrap() = wire;
    }

    /// Connections that [`Wire::Cut`] has ended.
    pub(crate) fn cuts(&self) -> u32 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.done.store(true, Ordering::SeqCst);
        // Only this ends the wait of the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// Two threads for each connection. The numbers of [`Wire::Cut`] are the same in every run.
fn accept(listener: &TcpListener, broker: u16, shared: &Arc<Shared>) {
    let mut chance = fastrand::Rng::with_seed(7);
    while let Ok((near, _)) = listener.accept() {
        if shared.done.load(Ordering::SeqCst) {
            return;
        }
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)) else { continue };
        // CONNECT has some 90 bytes and a verdict some 190; CONNACK, SUBACK and each PUBACK have 4 or 5.
        let (mut up, mut down) = (usize::MAX, usize::MAX);
        if shared.wire() == Wire::Cut {
            if chance.bool() { up = chance.usize(1..4000) } else { down = chance.usize(1..120) }
        }
        for (from, to, way, limit) in [(&near, &far, Way::Up, up), (&far, &near, Way::Down, down)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let shared = Arc::clone(shared);
            thread::spawn(move || Half { from, to, way, left: limit, spoiled: false }.carry(&shared));
        }
    }
}

/// One direction of one connection.
struct Half {
    /// Where bytes come from.
    from: TcpStream,
    /// Where they go.
    to: TcpStream,
    /// Which direction this is.
    way: Way,
    /// Bytes until the connection is cut.
    left: usize,
    /// A byte was swallowed, or the end was told.
    spoiled: bool,
}

impl Half {
    /// Carries until an end.
    fn carry(mut self, shared: &Shared) {
        self.from.set_read_timeout(Some(LOOK)).unwrap();
        let mut underway: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
        let mut chunk = [0; 4096];
        let mut ended = false;
        while !shared.done.load(Ordering::SeqCst) {
            let wire = shared.wire();
            let end = if self.way == Way::Up { Wire::EndUp } else { Wire::EndDown };
            if wire == end && !self.spoiled {
                self.spoiled = true;
                let _ = self.to.shutdown(Shutdown::Write);
            }
            if ended {
                thread::sleep(LOOK);
            } else {
                match self.from.read(&mut chunk) {
                    Ok(0) => ended = true,
                    Ok(count) => {
                        self.spoiled |= wire == Wire::Hole || (wire == Wire::Deaf && self.way == Way::Up);
                        let delay = if let Wire::Late(delay) = wire { delay } else { Duration::ZERO };
                        if !self.spoiled {
                            underway.push_back((Instant::now() + delay, chunk[..count].to_vec()));
                        }
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => ended = true,
                }
            }
            while underway.front().is_some_and(|(due, _)| *due <= Instant::now()) {
                let Some((_, bytes)) = underway.pop_front() else { break };
                if !self.pass(&bytes, shared) {
                    return;
                }
            }
            // A hole swallows the end as well: the other side keeps a connection that nobody uses.
            if ended && underway.is_empty() && !self.spoiled {
                let _ = self.to.shutdown(Shutdown::Write);
                return;
            }
        }
        let _ = self.to.shutdown(Shutdown::Both);
    }

    /// Writes what may pass; `false` when the connection is over.
    fn pass(&mut self, bytes: &[u8], shared: &Shared) -> bool {
        let part = bytes.get(..self.left).unwrap_or(bytes);
        self.left -= part.len();
        let written = self.to.write_all(part).is_ok();
        if self.left == 0 {
            shared.cuts.fetch_add(1, Ordering::SeqCst);
            let _ = self.to.shutdown(Shutdown::Both);
            let _ = self.from.shutdown(Shutdown::Both);
        }
        written && self.left > 0
    }
}
