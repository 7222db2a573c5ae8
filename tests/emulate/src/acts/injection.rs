//! `process_injection`: writing into another process, which is a child made for it; beside it, reading, and a child that
//! asks to be traced.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::Act;
use super::child::Child;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::process::{Status, wait};
use crate::sys::trace;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("process_injection.ptrace_attach", "", "attaches to a child and leaves", |_, tally| {
        with_target(tally, "attaching", |pid, _| stopped(pid, |_| Ok(())))
    }),
    Act::attack(
        "process_injection.ptrace_poke",
        "",
        "attaches to a child, writes a word, leaves",
        |_, tally| {
            with_target(tally, "attaching", |pid, address| stopped(pid, |pid| trace::poke(pid, address, 42)))
        },
    ),
    Act::attack(
        "process_injection.vm_writev",
        "[--count 1]",
        "process_vm_writev into a child, so many times",
        |options, tally| {
            let count = options.value_or("count", 1_u32)?;
            with_target(tally, "writing", |pid, address| {
                (0..count).try_for_each(|_| trace::write_to(pid, address, &42_u64.to_ne_bytes()))
            })
        },
    ),
    Act::attack("process_injection.proc_mem", "", "opens a child's /proc/PID/mem and writes", |_, tally| {
        with_target(tally, "writing", |pid, address| {
            let memory = OpenOptions::new().write(true).open(format!("/proc/{pid}/mem"))?;
            memory.write_all_at(&42_u64.to_ne_bytes(), address as u64)
        })
    }),
    Act::benign("process_injection.benign_vm_readv", "", "process_vm_readv from a child", |_, tally| {
        with_target(tally, "reading", |pid, address| trace::read_from(pid, address, &mut [0; 8]))
    }),
    Act::benign("process_injection.benign_traceme", "", "a child asks its parent to trace it", traceme),
];

/// What is written to, at the same address in a child.
static WORD: AtomicU64 = AtomicU64::new(0);

/// Does a deed to a sleeping child and ends the child.
fn with_target(
    tally: &mut Tally,
    action: &'static str,
    deed: impl FnOnce(i32, usize) -> io::Result<()>,
) -> Result<(), Failure> {
    let target = Child::start(|| {
        std::thread::sleep(Duration::from_secs(60));
        Ok(0)
    });
    let target = target.map_err(Failure::kernel("making a child"))?;
    tally.add("target", target.pid.unsigned_abs().into());
    let done = deed(target.pid, WORD.as_ptr().addr());
    target.end().map_err(Failure::kernel("ending a child"))?;
    tally.deed(action, done).map(drop)
}

/// Does a deed to a process while it is stopped by this one.
fn stopped(pid: i32, deed: impl FnOnce(i32) -> io::Result<()>) -> io::Result<()> {
    trace::attach(pid)?;
    wait(pid)?;
    let done = deed(pid);
    trace::detach(pid)?;
    done
}

/// What a debugger does with a program that it starts itself.
fn traceme(_: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let child = Child::start(|| {
        trace::be_traced()?;
        crate::sys::process::kill(std::process::id().cast_signed(), libc::SIGSTOP)?;
        Ok(0)
    });
    let child = child.map_err(Failure::kernel("making a child"))?;
    let status = wait(child.pid).map_err(Failure::kernel("waiting for a child"))?;
    tally.add("stopped", (status == Status::Stopped(libc::SIGSTOP)).into());
    trace::detach(child.pid).map_err(Failure::kernel("leaving a child"))?;
    tally.end("being traced", child.wait().map_err(Failure::kernel("waiting for a child"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_poked_word_is_found_in_the_child_and_not_here() {
        let mut found = [0; 8];
        with_target(&mut Tally::default(), "writing", |pid, address| {
            trace::write_to(pid, address, &42_u64.to_ne_bytes())?;
            trace::read_from(pid, address, &mut found)
        })
        .unwrap();
        assert_eq!((u64::from_ne_bytes(found), WORD.load(Ordering::Relaxed)), (42, 0));
    }

    #[test]
    fn every_way_into_a_child_works() {
        for act in ACTS {
            let mut tally = Tally::default();
            (act.run)(&Options::default(), &mut tally).unwrap();
            assert_eq!(tally.count("done"), 1, "{}: {tally:?}", act.name);
        }
    }
}
