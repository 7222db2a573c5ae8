//! A booted guest and the console it is driven through.
//!
//! The harness types a command line on the serial console and reads until a marker that the guest's shell prints with
//! the exit code. One command runs at a time; anything longer belongs in the background of the guest.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use super::error::VmError;
use super::initramfs::{self, First, Placed};
use super::packages::PackageFiles;
use super::qemu::{Machine, base_words};
use super::{Arch, Kernel, fetch_kernels};
use crate::Scratch;
use crate::tool::last_lines;

/// What the init script prints when the shell is about to start.
const READY: &str = "edge guest ready";
/// Longest line typed at once: a terminal in line mode takes 4095 bytes.
const LINE_MAX: usize = 3000;
/// How long a guest may take to boot; it takes 2 to 8 s on an idle machine.
const BOOT_LIMIT: Duration = Duration::from_secs(120);
/// The same for one with an init system of its own; systemd takes 20 s, and six times that where ten guests share two processors.
const OWN_BOOT_LIMIT: Duration = Duration::from_secs(300);
/// How long a guest lives without being dropped, in case the harness dies, by its own clock.
const LIFETIME: Duration = Duration::from_secs(3600);
/// The same where the clock counts instructions: it leaps to the next timer whenever the guest is idle.
const LIFETIME_ICOUNT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Describes a guest before it boots.
#[derive(Clone, Debug)]
pub struct GuestBuilder {
    /// The kernel's series.
    kernel: Kernel,
    /// Processor, memory and command line.
    machine: Machine,
    /// Files put into the guest.
    placed: Vec<Placed>,
    /// Its first process.
    first: First,
}

impl GuestBuilder {
    /// A guest with one processor and 256 MiB.
    #[must_use]
    pub fn new(arch: Arch, kernel: Kernel) -> Self {
        let machine = Machine {
            arch,
            cpus: 1,
            memory_mib: 256,
            icount: false,
            disks: Vec::new(),
            boot_words: base_words(),
        };
        Self { kernel, machine, placed: Vec::new(), first: First::Harness }
    }

    /// Sets the number of processors.
    #[must_use]
    pub fn cpus(mut self, cpus: u8) -> Self {
        self.machine.cpus = cpus;
        self
    }

    /// Sets the memory, in MiB.
    #[must_use]
    pub fn memory_mib(mut self, memory_mib: u32) -> Self {
        self.machine.memory_mib = memory_mib;
        self
    }

    /// Lets the guest's clock count instructions: measured times do not depend on what the host is doing.
    #[must_use]
    pub fn icount(mut self) -> Self {
        self.machine.icount = true;
        self
    }

    /// Gives the guest a further disk, `/dev/vda` and so on: a file of the host, which outlives it. The modules for it and for ext4 are loaded when the
    /// guest is up.
    #[must_use]
    pub fn disk(mut self, image: &Path) -> Self {
        self.machine.disks.push(image.to_owned());
        self
    }

    /// Lets the first disk be the root file system, and its own `/sbin/init` the first process. A root shell on its console has to print
    /// `edge guest ready` when it is there.
    #[must_use]
    pub fn own_init(mut self) -> Self {
        self.first = First::Disk;
        self
    }

    /// Adds a word to the kernel command line.
    #[must_use]
    pub fn boot_word(mut self, word: &str) -> Self {
        self.machine.boot_words.push(word.to_owned());
        self
    }

    /// Puts `content` at the absolute `path` in the guest.
    #[must_use]
    pub fn content(mut self, path: &str, permissions: u32, content: impl Into<Vec<u8>>) -> Self {
        self.placed.push(Placed { path: path.to_owned(), permissions, content: content.into() });
        self
    }

    /// Puts a program of the host at `/usr/bin/<its name>` in the guest.
    pub fn program(self, host: &Path) -> Result<Self, VmError> {
        let content = fs::read(host).map_err(VmError::file("reading", host))?;
        let name = host.file_name().unwrap_or_default().to_string_lossy();
        Ok(self.content(&format!("/usr/bin/{name}"), 0o755, content))
    }

    /// Puts a Debian program, its configuration and its libraries at their places in the guest.
    pub fn package(mut self, package: &PackageFiles) -> Result<Self, VmError> {
        self.placed.extend(package.placed()?);
        Ok(self)
    }

    /// Boots the guest and waits for its shell; fetches the kernel first when the cache lacks it.
    pub fn boot(&self) -> Result<Guest, VmError> {
        let files = fetch_kernels(&[(self.machine.arch, self.kernel)], &mut |_| ())?;
        let Some(kernel) = files.into_iter().next() else {
            return Err(VmError::Gone { status: None, tail: String::new() });
        };
        let initramfs = Scratch::name(&format!("{}-{}.cpio", self.machine.arch, self.kernel));
        let mut placed = self.placed.clone();
        if !self.machine.disks.is_empty() {
            for path in kernel.disk_modules()? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let content = fs::read(&path).map_err(VmError::file("reading", &path))?;
                placed.push(Placed { path: format!("/disk-modules/{name}"), permissions: 0o644, content });
            }
        }
        initramfs::write(&kernel, self.first, &placed, initramfs.path())?;

        let mut machine = self.machine.clone();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        machine.boot_words.push(format!("edge.time={}", now.as_secs()));
        let lifetime = if machine.icount { LIFETIME_ICOUNT } else { LIFETIME };
        machine.boot_words.push(format!("edge.lifetime={}", lifetime.as_secs()));
        machine.boot_words.push(format!("edge.name={}-{}", machine.arch, self.kernel));
        let tool = machine.tool();
        let mut child = tool
            .command(machine.arguments(&kernel.image(), initramfs.path()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // QEMU's own complaints belong into the transcript too; they come through the console of last resort.
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|source| tool.start_error(source))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(VmError::Gone { status: None, tail: String::new() });
        };
        let (sender, output) = channel();
        std::thread::spawn(move || pump(stdout, &sender));
        let mut guest = Guest { child, stdin, output, transcript: String::new(), read: 0, serial: 0 };
        let limit = if self.first == First::Disk { OWN_BOOT_LIMIT } else { BOOT_LIMIT };
        match guest.wait_for(READY, Instant::now() + limit) {
            Ok(_) => {}
            Err(Waited::Late) => return Err(VmError::Boot { limit, tail: guest.tail() }),
            Err(Waited::Ended) => return Err(guest.gone()),
        }
        guest.type_line("PS1=; PS2=")?;
        // Swallows the shell's greeting, and shows that the console obeys.
        guest.run("true", BOOT_LIMIT)?;
        if !self.machine.disks.is_empty() && self.first == First::Harness {
            guest.run("for module in /disk-modules/*.ko; do insmod $module; done", BOOT_LIMIT)?;
        }
        Ok(guest)
    }
}

/// How a command in a guest ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Done {
    /// Its exit code; 128 + signal when a signal ended it.
    pub code: i32,
    /// What it wrote, standard output and errors together, without the last line break.
    pub output: String,
}

/// A running guest. Dropping it ends it.
#[derive(Debug)]
pub struct Guest {
    /// The QEMU process.
    child: Child,
    /// The console's keyboard.
    stdin: ChildStdin,
    /// What the console prints, as it comes.
    output: Receiver<Vec<u8>>,
    /// All the console has printed.
    transcript: String,
    /// How much of the transcript has been consumed by finished commands, in bytes.
    read: usize,
    /// Number of the next command, so that a late marker is not taken for another command's.
    serial: u32,
}

/// Why waiting for a text ended without it.
enum Waited {
    /// The deadline passed.
    Late,
    /// The guest ended.
    Ended,
}

impl Guest {
    /// Runs a shell command in the guest. Its input is empty.
    ///
    /// # Errors
    /// [`VmError::Timeout`] when it takes longer than `limit` (the guest is then of no further use),
    /// [`VmError::Gone`] when the guest ended. A command that fails is not an error: see [`Done::code`].
    pub fn run(&mut self, command: &str, limit: Duration) -> Result<Done, VmError> {
        let deadline = Instant::now() + limit;
        if command.len() > LINE_MAX {
            self.write("/run/.edge-command", command.as_bytes(), limit)?;
            return self.run("sh /run/.edge-command", limit);
        }
        self.serial += 1;
        let marker = format!("@@edge-{}@@ ", self.serial);
        // The marker is typed in two parts, so that an echoed command line is never taken for it.
        let quoted = command.replace('\'', r"'\''");
        self.type_line(&format!(
            "sh -c '{quoted}' </dev/null 2>&1; printf '\\n%s%s@@ %d\\n' @@edge- {} $?",
            self.serial
        ))?;
        let wait = |guest: &mut Self, text: &str| match guest.wait_for(text, deadline) {
            Ok(before) => Ok(before),
            Err(Waited::Late) => {
                Err(VmError::Timeout { command: command.to_owned(), limit, tail: guest.tail() })
            }
            Err(Waited::Ended) => Err(guest.gone()),
        };
        let output = wait(self, &marker)?;
        let code = wait(self, "\n")?;
        let output = output.strip_suffix('\n').unwrap_or(&output);
        let output = output.strip_suffix('\n').unwrap_or(output);
        Ok(Done { code: code.trim().parse().unwrap_or(-1), output: output.to_owned() })
    }

    /// Writes `content` to a file in the guest.
    ///
    /// # Errors
    /// As [`Guest::run`]; `limit` holds for each piece of about 700 bytes.
    pub fn write(&mut self, path: &str, content: &[u8], limit: Duration) -> Result<(), VmError> {
        self.run(&format!(": >'{path}'"), limit)?;
        for piece in content.chunks(700) {
            let mut escaped = String::with_capacity(piece.len() * 4);
            for byte in piece {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\{byte:03o}");
            }
            self.run(&format!("printf \"{escaped}\" >>'{path}'"), limit)?;
        }
        Ok(())
    }

    /// Runs a command after which the guest ends by itself, such as `poweroff`, and waits for that.
    ///
    /// # Errors
    /// [`VmError::Timeout`] when it still runs after `limit`.
    pub fn end_by(mut self, command: &str, limit: Duration) -> Result<String, VmError> {
        let deadline = Instant::now() + limit;
        self.type_line(command)?;
        // No console prints this.
        match self.wait_for("\0", deadline) {
            Err(Waited::Ended) => Ok(std::mem::take(&mut self.transcript)),
            _ => Err(VmError::Timeout { command: command.to_owned(), limit, tail: self.tail() }),
        }
    }

    /// Connects the console to this process's own input and output until the guest ends.
    pub fn interact(mut self) -> Result<ExitStatus, VmError> {
        self.type_line("stty echo onlcr; PS1='\\h:\\w# '")?;
        let keyboard =
            self.stdin.as_fd().try_clone_to_owned().map_err(VmError::file("opening", "QEMU's console"))?;
        std::thread::spawn(move || io::copy(&mut io::stdin(), &mut File::from(keyboard)));
        while let Ok(bytes) = self.output.recv() {
            // A closed terminal ends the session; the guest goes with it.
            let shown = io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush());
            if shown.is_err() {
                break;
            }
        }
        self.child.wait().map_err(VmError::file("waiting for", "QEMU"))
    }

    /// All the console has printed so far.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// Process id of QEMU on the host.
    #[must_use]
    pub fn qemu_pid(&self) -> u32 {
        self.child.id()
    }

    /// Types one line on the console.
    fn type_line(&mut self, line: &str) -> Result<(), VmError> {
        let typed = self.stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.stdin.flush());
        typed.map_err(|_| self.gone())
    }

    /// Waits until `text` appears after what was read before; returns what came before it and consumes both.
    fn wait_for(&mut self, text: &str, deadline: Instant) -> Result<String, Waited> {
        loop {
            let unread = self.transcript.get(self.read..).unwrap_or_default();
            if let Some(at) = unread.find(text) {
                let before = unread.get(..at).unwrap_or_default().to_owned();
                self.read += at + text.len();
                return Ok(before);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.transcript.push_str(&String::from_utf8_lossy(&bytes).replace('\r', "")),
                Err(RecvTimeoutError::Timeout) => return Err(Waited::Late),
                Err(RecvTimeoutError::Disconnected) => return Err(Waited::Ended),
            }
        }
    }

    /// The error for a guest that ended.
    fn gone(&mut self) -> VmError {
        VmError::Gone { status: self.child.try_wait().ok().flatten(), tail: self.tail() }
    }

    /// The console's last lines.
    fn tail(&self) -> String {
        last_lines(&self.transcript, 12)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself; nothing depends on how.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies what the console prints to the channel until either end closes.
fn pump(mut stdout: ChildStdout, sender: &Sender<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stdout.read(&mut buffer) {
        if sender.send(buffer.get(..count).unwrap_or_default().to_vec()).is_err() {
            break;
        }
    }
}
