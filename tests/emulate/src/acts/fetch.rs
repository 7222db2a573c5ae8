//! `fetch_loop`: download tools started again and again, or piped into an interpreter; beside them, one download. Everything
//! is fetched from this process's own child on loopback, which serves an empty script.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd as _;

use super::Act;
use super::child::{Child, End, in_child};
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::socket::{Way, place};
use crate::sys::{c_text, process};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "fetch_loop.builds",
        "[--tool F] [--count 10]",
        "the tool once per processor build",
        |options, tally| builds(options, tally, 10),
    ),
    Act::attack(
        "fetch_loop.shell",
        "[--tool F] [--shell F] [--count 10]",
        "the same by a shell's loop",
        shell,
    ),
    Act::attack("fetch_loop.pipe", "[--tool F] [--shell F]", "the tool's output piped into a shell", pipe),
    Act::benign("fetch_loop.benign_one", "[--tool F] [--count 1]", "one download", |options, tally| {
        builds(options, tally, 1)
    }),
];

/// Ends of names, as droppers for gateways try them.
const BUILDS: [&str; 10] =
    ["arm", "arm5", "arm6", "arm7", "aarch64", "mips", "mipsel", "ppc", "sh4", "x86_64"];

/// The download tool and the address of what serves it.
struct Source {
    /// Path of the tool.
    tool: String,
    /// The beginning of every address.
    address: String,
    /// Who serves.
    server: Child,
}

impl Source {
    /// Finds the tool and starts the server, noted as `server`.
    fn start(options: &Options, tally: &mut Tally) -> Result<Self, Failure> {
        let tool = options.text("tool").map(str::to_owned).or_else(|| {
            let usual = ["/usr/bin/wget", "/bin/wget", "/usr/bin/curl"];
            usual.iter().find(|path| std::path::Path::new(path).exists()).map(|path| (*path).to_owned())
        });
        let tool = tool.ok_or_else(|| Failure::Unsupported {
            action: "fetching without wget or curl",
            source: io::ErrorKind::NotFound.into(),
        })?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::peer("no listener"))?;
        let address = listener.local_addr().map_err(Failure::peer("no listener"))?;
        let server = Child::start(move || {
            process::end_with_parent()?;
            serve(&listener)
        })
        .map_err(Failure::kernel("making a child"))?;
        tally.add("server", server.pid.unsigned_abs().into());
        Ok(Self { tool, address: format!("http://{address}"), server })
    }

    /// The words that make the tool write to its output.
    fn words(&self, name: &str) -> [String; 4] {
        let (flag, place) = if self.tool.ends_with("curl") { ("-s", "-o-") } else { ("-q", "-O-") };
        [self.tool.clone(), flag.to_owned(), place.to_owned(), format!("{}/bot.{name}", self.address)]
    }

    /// Becomes the tool.
    fn fetch(&self, name: &str) -> io::Result<i32> {
        let words = self.words(name).iter().map(c_text).collect::<io::Result<Vec<_>>>()?;
        Err(process::exec(&c_text(&self.tool)?, &words))
    }

    /// Stops serving.
    fn stop(self) -> Result<(), Failure> {
        self.server.end().map_err(Failure::kernel("ending the server")).map(drop)
    }
}

/// Serves an empty script to everyone.
fn serve(listener: &TcpListener) -> io::Result<i32> {
    const ANSWER: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nexit 0\n";
    loop {
        let (mut stream, _) = listener.accept()?;
        // A network takes its time.
        std::thread::sleep(std::time::Duration::from_millis(200));
        // A tool that was killed hangs up; the next one is served all the same.
        let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(ANSWER));
    }
}

/// Starts the tool for one build after the other.
fn builds(options: &Options, tally: &mut Tally, count: usize) -> Result<(), Failure> {
    let count = options.value_or("count", count)?;
    let source = Source::start(options, tally)?;
    for build in BUILDS.iter().cycle().take(count) {
        let fetched = in_child(|| {
            quiet()?;
            source.fetch(build)
        });
        let (pid, end) = fetched.map_err(Failure::kernel("making a child"))?;
        tally.actor(pid);
        tally.end("starting the tool", end)?;
    }
    source.stop()
}

/// A shell does the same in a loop of its own.
fn shell(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let count = options.value_or("count", 10)?;
    let shell = options.text("shell").unwrap_or("/bin/sh");
    let source = Source::start(options, tally)?;
    let names: Vec<_> = BUILDS.iter().copied().cycle().take(count).collect();
    let [tool, flag, place, address] = source.words("$b");
    let script = format!("for b in {}; do {tool} {flag} {place} {address} || exit 1; done", names.join(" "));
    tally.child("starting a shell", || {
        quiet()?;
        Err(process::exec(&c_text(shell)?, &[c"sh".to_owned(), c"-c".to_owned(), c_text(&script)?]))
    })?;
    source.stop()
}

/// The tool writes into a pipe from which a shell reads its script.
fn pipe(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let shell = options.text("shell").unwrap_or("/bin/sh");
    let source = Source::start(options, tally)?;
    let (reader, writer) = io::pipe().map_err(Failure::kernel("making a pipe"))?;
    let tool = Child::start(|| {
        place(writer.as_fd(), 1, Way::Dup2)?;
        source.fetch("sh")
    });
    let tool = tool.map_err(Failure::kernel("making a child"))?;
    drop(writer);
    tally.child("starting a shell", || {
        place(reader.as_fd(), 0, Way::Dup2)?;
        Err(process::exec(&c_text(shell)?, &[c"sh".to_owned()]))
    })?;
    drop(reader);
    match tool.wait().map_err(Failure::kernel("waiting for the tool"))? {
        // What the shell did not want to read is the tool's loss.
        End::Signal(libc::SIGPIPE) => tally.add("done", 1),
        end => tally.end("starting the tool", end)?,
    }
    source.stop()
}

/// Sends the standard output elsewhere, where only this program's lines belong.
fn quiet() -> io::Result<()> {
    let null = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    place(null.as_fd(), 1, Way::Dup2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_fetched_where_there_is_a_tool() {
        for act in ACTS {
            let mut tally = Tally::default();
            match (act.run)(&Options::default(), &mut tally) {
                Err(Failure::Unsupported { .. }) => {}
                done => {
                    done.unwrap();
                    assert_eq!(tally.count("failed"), 0, "{}", act.name);
                    assert!(tally.count("done") >= 1, "{}", act.name);
                }
            }
        }
    }
}
