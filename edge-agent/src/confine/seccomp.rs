//! The filter of system calls: classic BPF over `struct seccomp_data`, of the tables in [`calls`](super::calls).
//!
//! Built here because the maintained crate for it, `seccompiler` (0.5), knows x86-64, 64-bit ARM and RISC-V and no 32-bit ARM, and `libseccomp` is a C
//! library. `SECCOMP_RET_KILL_PROCESS` and `SECCOMP_FILTER_FLAG_SPEC_ALLOW` are there since Linux 4.14 and 4.17; without
//! `CONFIG_SECCOMP_FILTER` nothing is filtered, and that is said.
//!
//! ```text
//! another architecture, or a deadly call                   -> the process ends
//! a call that is made in any way                           -> allowed
//! a call that is made in one way: look at its argument     -> allowed, or EPERM
//! clone3                                                   -> ENOSYS
//! anything else                                            -> EPERM
//! ```

use std::io;

use libc::sock_filter;

use super::calls::{ABSENT, ANY, DEADLY, KEEPING, OWN, READING, TESTED, Test, Tested};

/// `BPF_LD | BPF_W | BPF_ABS` of `linux/bpf_common.h`: loads the word at an offset of the data.
pub(super) const LOAD: u16 = 0x20;
/// `BPF_JMP | BPF_JA`: skips so many instructions.
pub(super) const SKIP: u16 = 0x05;
/// `BPF_JMP | BPF_JEQ | BPF_K`: is it equal?
pub(super) const EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JSET | BPF_K`: has it one of these bits?
pub(super) const HAS_BIT: u16 = 0x45;
/// `BPF_RET | BPF_K`: the answer.
pub(super) const ANSWER: u16 = 0x06;

/// `AUDIT_ARCH_*` of `linux/audit.h`: by which architecture's table the call was made.
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_00b7;
/// `AUDIT_ARCH_*` of `linux/audit.h`: by which architecture's table the call was made.
#[cfg(target_arch = "arm")]
pub(super) const ARCHITECTURE: u32 = 0x4000_0028;
/// `AUDIT_ARCH_*` of `linux/audit.h`: by which architecture's table the call was made.
#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: u32 = 0xc000_003e;

/// Offset of the call's number in `struct seccomp_data`, in bytes.
pub(super) const NUMBER_AT: u32 = 0;
/// Offset of the architecture.
pub(super) const ARCHITECTURE_AT: u32 = 4;
/// Offset of the first argument; each has eight bytes, the lower half first on the machines that are served.
pub(super) const ARGUMENTS_AT: u32 = 16;

/// Allowed.
pub(super) const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
/// Fails with `EPERM`.
pub(super) const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
/// Fails with `ENOSYS`.
pub(super) const LACKING: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
/// Ends the process as by `SIGSYS`.
pub(super) const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

/// Most calls in one table: a jump reaches 255 instructions.
const TABLE: usize = 200;
const _: () = assert!(cfg!(target_endian = "little"), "the lower half of an argument lies elsewhere");
const _: () =
    assert!(ANY.len() <= TABLE && OWN.len() <= TABLE && DEADLY.len() <= TABLE && KEEPING.len() <= TABLE);

/// An instruction that has no jumps.
const fn plain(code: u16, value: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k: value }
}

/// An instruction that skips so many.
const fn jump(code: u16, value: u32, if_so: u8, else_: u8) -> sock_filter {
    sock_filter { code, jt: if_so, jf: else_, k: value }
}

/// The filter, some 170 instructions of eight bytes. `writes`: files may be made and written.
#[must_use]
pub(super) fn program(writes: bool) -> Vec<sock_filter> {
    let mut program = vec![
        plain(LOAD, ARCHITECTURE_AT),
        jump(EQUAL, ARCHITECTURE, 1, 0),
        plain(ANSWER, KILL),
        plain(LOAD, NUMBER_AT),
    ];
    listed(&mut program, ANY, ALLOW);
    listed(&mut program, OWN, ALLOW);
    if writes {
        listed(&mut program, KEEPING, ALLOW);
    } else {
        for call in READING {
            tested(&mut program, call);
        }
    }
    for call in TESTED {
        tested(&mut program, call);
    }
    listed(&mut program, DEADLY, KILL);
    listed(&mut program, &[ABSENT], LACKING);
    program.push(plain(ANSWER, REFUSE));
    program
}

/// The answer to every call of a table; others go on behind it. The number is loaded.
fn listed(program: &mut Vec<sock_filter>, numbers: &[u16], answer: u32) {
    // From the last one the answer is behind the skip that ends the table.
    let left = (1..=numbers.len() as u8).rev();
    program.extend(numbers.iter().zip(left).map(|(number, left)| jump(EQUAL, u32::from(*number), left, 0)));
    program.push(plain(SKIP, 1));
    program.push(plain(ANSWER, answer));
}

/// The answers to a call that is looked at; others go on behind it. The number is loaded, and still is for them.
fn tested(program: &mut Vec<sock_filter>, call: &Tested) {
    let mut look = vec![plain(LOAD, ARGUMENTS_AT + 8 * u32::from(call.argument))];
    match call.test {
        Test::Bits { with, without } => {
            // `without` leads to the refusal, `with` past it.
            look.push(jump(HAS_BIT, without, u8::from(with != 0), u8::from(with == 0)));
            if with != 0 {
                look.push(jump(HAS_BIT, with, 1, 0));
            }
        }
        Test::OneOf(values) => {
            let left = (1..=values.len() as u8).rev();
            look.extend(values.iter().zip(left).map(|(value, left)| jump(EQUAL, *value, left, 0)));
        }
    }
    look.push(plain(ANSWER, REFUSE));
    look.push(plain(ANSWER, ALLOW));
    program.push(jump(EQUAL, u32::from(call.number), 0, look.len() as u8));
    program.append(&mut look);
}

/// Puts a filter in force, for this thread and those that it starts; it cannot be taken off. `no_new_privs` must be set, or `CAP_SYS_ADMIN` there.
///
/// # Errors
/// `EINVAL` without `CONFIG_SECCOMP_FILTER`, `ENOSYS` without `CONFIG_SECCOMP`, `EPERM` or `EACCES` under a filter that forbids another.
pub(super) fn install(program: &mut [sock_filter]) -> io::Result<()> {
    let whole = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // The kernel else slows speculation down, for programs that run what they do not trust in themselves.
    let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // SAFETY: `whole` names all of `program`, and both live across the call, which copies them and writes nothing. Needed because neither
    // std nor rustix sets filters.
    let answer =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const whole) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
