//! Syscalls seen at their handlers, on arm64 with kprobes: one probe per handler that a stand needs, and none of the cost that the raw
//! tracepoint puts on every syscall.
//!
//! A handler is `__arm64_sys_NAME(const struct pt_regs *regs)`. What 32-bit tasks call goes to `__arm64_compat_sys_NAME` where there is
//! one, else to the same handler as for 64-bit tasks (`arch/arm64/kernel/sys32.c`). Which of them there are changed with the years.
//!
//! Addresses come from one reading of `/proc/kallsyms`: by name the kernel would look through all its symbols for every probe, and
//! before Linux 6.2 one by one. Where addresses are kept back (`kernel.kptr_restrict = 2`), probes are made by name.

use std::ffi::CString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::{BorrowedFd, OwnedFd};

use edge_abi::SyscallClass;

use super::kernel::{self, Event};
use super::means;
use super::numbers::{AARCH64, ARM};

/// What handlers for 64-bit tasks begin with.
const NATIVE: &str = "__arm64_sys_";

/// What those for 32-bit tasks begin with, where they differ.
const COMPAT: &str = "__arm64_compat_sys_";

/// Probes that keep a program attached.
pub(super) struct Probes {
    /// The perf events.
    pub links: Vec<OwnedFd>,
    /// Handlers that there are not.
    pub missing: Vec<&'static str>,
}

/// Attaches `program` to the handlers of all syscalls of the classes wanted.
///
/// # Errors
/// The first class that no handler was found of, with what the kernel says.
pub(super) fn attach(
    program: BorrowedFd<'_>,
    wants: impl Fn(SyscallClass) -> bool,
) -> Result<Probes, String> {
    let kind = means::kprobe_type()?;
    let symbols = Symbols::read();
    let probe = |name: String| -> Result<OwnedFd, String> {
        let called = CString::new(name.as_str()).map_err(|error| error.to_string())?;
        let event = match symbols.find(&name) {
            Place::At(address) => Event::Address { kind, address },
            Place::Unknown => Event::Function { kind, name: &called },
            Place::None => return Err(format!("{name}: the kernel has no such function")),
        };
        kernel::attach_event(program, event).map_err(|error| format!("{name}: {error}"))
    };
    let mut probes = Probes { links: Vec::new(), missing: Vec::new() };
    let mut classes = Classes::default();
    // Handlers that have their probe, so that none gets a second one.
    let mut native: Vec<&str> = Vec::new();
    for &(_, class, name) in AARCH64.iter().filter(|(_, class, _)| wants(*class)) {
        match probe(format!("{NATIVE}{name}")) {
            Ok(link) => {
                probes.links.push(link);
                native.push(name);
                classes.found(class);
            }
            Err(why) => {
                probes.missing.push(name);
                classes.missed(class, why);
            }
        }
    }
    for &(_, class, name) in ARM.iter().filter(|(_, class, _)| wants(*class)) {
        match probe(format!("{COMPAT}{name}")) {
            Ok(link) => {
                probes.links.push(link);
                classes.found(class);
            }
            // The same handler as for 64-bit tasks.
            Err(_) if native.contains(&name) => {}
            Err(_) => match probe(format!("{NATIVE}{name}")) {
                Ok(link) => {
                    probes.links.push(link);
                    native.push(name);
                    classes.found(class);
                }
                Err(why) => {
                    if !probes.missing.contains(&name) {
                        probes.missing.push(name);
                    }
                    classes.missed(class, why);
                }
            },
        }
    }
    classes.check()?;
    Ok(probes)
}

/// Where a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Here.
    At(u64),
    /// Nowhere.
    None,
    /// Not told.
    Unknown,
}

/// The kernel's handlers of syscalls.
struct Symbols {
    /// Names and addresses, which are 0 where they are kept back.
    handlers: Vec<(String, u64)>,
}

impl Symbols {
    /// Reads them; none when they cannot be read.
    fn read() -> Self {
        let file = fs::File::open("/proc/kallsyms");
        Self { handlers: file.map(|file| Self::parse(BufReader::new(file))).unwrap_or_default() }
    }

    /// Takes the handlers out of lines such as `ffff800010123450 T __arm64_sys_openat`.
    fn parse(mut lines: impl BufRead) -> Vec<(String, u64)> {
        let mut handlers = Vec::new();
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|bytes| bytes != 0) {
            let mut words = line.split_ascii_whitespace();
            if let (Some(address), Some(_), Some(name)) = (words.next(), words.next(), words.next())
                && (name.starts_with(NATIVE) || name.starts_with(COMPAT))
            {
                handlers.push((name.to_owned(), u64::from_str_radix(address, 16).unwrap_or(0)));
            }
            line.clear();
        }
        handlers
    }

    /// Where a handler is.
    fn find(&self, name: &str) -> Place {
        if self.handlers.is_empty() {
            return Place::Unknown;
        }
        match self.handlers.iter().find(|(known, _)| known == name) {
            None => Place::None,
            Some((_, 0)) => Place::Unknown,
            Some((_, address)) => Place::At(*address),
        }
    }
}

/// Which classes have a handler.
#[derive(Debug, Default)]
struct Classes {
    /// Those that have.
    found: Vec<SyscallClass>,
    /// Those of which one is missing, and why.
    missed: Vec<(SyscallClass, String)>,
}

impl Classes {
    /// One handler was found.
    fn found(&mut self, class: SyscallClass) {
        self.found.push(class);
    }

    /// One handler was not.
    fn missed(&mut self, class: SyscallClass, why: String) {
        self.missed.push((class, why));
    }

    /// Whether every class has at least one.
    fn check(&self) -> Result<(), String> {
        let blind = self.missed.iter().find(|(class, _)| !self.found.contains(class));
        blind.map_or(Ok(()), |(_, why)| Err(why.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_any_handler_is_told() {
        let mut classes = Classes::default();
        classes.missed(SyscallClass::FchmodAt, "fchmodat2: ENOENT".into());
        classes.found(SyscallClass::FchmodAt);
        assert_eq!(classes.check(), Ok(()), "one of two is enough");
        classes.missed(SyscallClass::Bpf, "bpf: ENOENT".into());
        assert_eq!(classes.check(), Err("bpf: ENOENT".into()));
    }

    #[test]
    fn handlers_are_found_among_the_symbols() {
        let text = "ffff800010000000 T _text\nffff800010123450 T __arm64_sys_openat\n0000000000000000 T __arm64_sys_bpf\n\
                    ffff8000101234f0 t __arm64_compat_sys_openat\t[module]\n\nbroken\n";
        let symbols = Symbols { handlers: Symbols::parse(text.as_bytes()) };
        assert_eq!(symbols.find("__arm64_sys_openat"), Place::At(0xffff_8000_1012_3450));
        assert_eq!(symbols.find("__arm64_compat_sys_openat"), Place::At(0xffff_8000_1012_34f0));
        assert_eq!(symbols.find("__arm64_sys_bpf"), Place::Unknown, "its address is kept back");
        assert_eq!(symbols.find("__arm64_sys_rename"), Place::None);
        assert_eq!(Symbols { handlers: Vec::new() }.find("__arm64_sys_rename"), Place::Unknown);
    }

    #[test]
    fn every_class_of_64_bit_tasks_has_a_name() {
        for (number, _, name) in AARCH64.iter().chain(ARM) {
            assert!(
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            );
            assert!(*number < 512, "{name}");
        }
        // Names that both tables have mean the same.
        for (_, class, name) in AARCH64 {
            for (_, other, _) in ARM.iter().filter(|row| row.2 == *name) {
                assert_eq!(class, other, "{name}");
            }
        }
    }
}
