//! Something else on the broker's port.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server that answers the first bytes of every connection with the same ones, and then says nothing.
pub(crate) struct Fake {
    /// Where it listens.
    pub(crate) port: u16,
    /// Connections so far.
    accepted: Arc<AtomicU32>,
}

impl Fake {
    /// Starts one, which lives as long as the test program.
    pub(crate) fn start(answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&accepted);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(stream, answer));
            }
        });
        Self { port, accepted }
    }

    /// Connections so far.
    pub(crate) fn accepted(&self) -> u32 {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// Answers once; holds the connection until the other side ends it.
fn serve(mut stream: TcpStream, answer: &[u8]) {
    let mut bytes = [0; 4096];
    let heard = stream.read(&mut bytes).is_ok();
    if heard && stream.write_all(answer).is_ok() {
        while stream.read(&mut bytes).is_ok_and(|count| count != 0) {}
    }
}
