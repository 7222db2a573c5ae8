//! Syscalls seen at their handlers, on arm64 with kprobes: one probe per handler that a stand needs, and none of the cost that the raw
//! tracepoint puts on every syscall.
//!
//! A handler is `__arm64_sys_NAME(const struct pt_regs *regs)`. What 32-bit tasks call goes to `__arm64_compat_sys_NAME` where there is
//! one, else to the same handler as for 64-bit tasks (`arch/arm64/kernel/sys32.c`). Which of them there are changed with the years,
//! so both are tried by name, which needs no addresses from `/proc/kallsyms`.

use std::ffi::CString;
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
    let probe = |name: String| -> Result<OwnedFd, String> {
        let called = CString::new(name.as_str()).map_err(|error| error.to_string())?;
        kernel::attach_event(program, Event::Function { kind, name: &called })
            .map_err(|error| format!("{name}: {error}"))
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
