//! The filter by an interpreter of its own, and in force, in a process of its own.

use super::calls::{ABSENT, ANY, DEADLY, KEEPING, OWN, TESTED};
use super::seccomp::{
    ALLOW, ANSWER, ARCHITECTURE, ARCHITECTURE_AT, ARGUMENTS_AT, EQUAL, HAS_BIT, KILL, LACKING, LOAD,
    NUMBER_AT, REFUSE, SKIP, install, program,
};

/// What a filter says to a call, as the kernel would have it.
fn answer(filter: &[libc::sock_filter], architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let (mut at, mut value) = (0, 0);
    loop {
        let step = filter[at];
        at += 1;
        match step.code {
            LOAD if step.k == NUMBER_AT => value = number,
            LOAD if step.k == ARCHITECTURE_AT => value = architecture,
            LOAD => value = arguments[((step.k - ARGUMENTS_AT) / 8) as usize] as u32,
            SKIP => at += step.k as usize,
            EQUAL => at += usize::from(if value == step.k { step.jt } else { step.jf }),
            HAS_BIT => at += usize::from(if value & step.k != 0 { step.jt } else { step.jf }),
            ANSWER => return step.k,
            other => panic!("instruction {other:#x}"),
        }
    }
}

/// What it says to a call of this architecture with this one argument.
fn says(writes: bool, call: libc::c_long, argument: usize, value: i64) -> u32 {
    let mut arguments = [0; 6];
    arguments[argument] = value.cast_unsigned();
    answer(&program(writes), ARCHITECTURE, call.cast_unsigned() as u32, arguments)
}

#[test]
fn listed_calls_are_answered_as_listed_and_others_refused() {
    for writes in [false, true] {
        let filter = program(writes);
        assert!(filter.len() < 256, "{} instructions", filter.len());
        let plain = |number: u32| answer(&filter, ARCHITECTURE, number, [0; 6]);
        let is_tested = |number: u32| TESTED.iter().any(|call| u32::from(call.number) == number);
        for number in 0..1_000_u32 {
            let has = |table: &[u16]| table.iter().any(|known| u32::from(*known) == number);
            let opens =
                has(KEEPING) && (number == libc::SYS_openat as u32 || number == libc::SYS_open as u32);
            let wanted = match () {
                () if has(ANY) || has(OWN) || (writes && has(KEEPING)) || opens => ALLOW,
                () if has(DEADLY) => KILL,
                () if number == u32::from(ABSENT) => LACKING,
                () if is_tested(number) => continue,
                () => REFUSE,
            };
            assert_eq!(plain(number), wanted, "call {number} with writes={writes}");
        }
    }
}

#[test]
fn no_call_stands_in_two_tables() {
    let tested = TESTED.iter().map(|call| call.number);
    let mut all: Vec<u16> = [ANY, OWN, KEEPING, DEADLY].concat().into_iter().chain(tested).collect();
    all.push(ABSENT);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn another_architecture_is_killed_whatever_it_calls() {
    let filter = program(true);
    for other in [0x4000_0003, 0x4000_0028, 0xc000_00b7, 0xc000_003e_u32, 0] {
        let wanted = if other == ARCHITECTURE { ALLOW } else { KILL };
        assert_eq!(answer(&filter, other, libc::SYS_read as u32, [0; 6]), wanted, "{other:#x}");
    }
    // x32, whose numbers carry a bit of their own.
    assert_eq!(answer(&filter, ARCHITECTURE, libc::SYS_read as u32 | 0x4000_0000, [0; 6]), REFUSE);
}

#[test]
fn what_is_looked_at_decides() {
    let cases = [
        (libc::SYS_bpf, 0, 1, ALLOW),
        (libc::SYS_bpf, 0, 4, ALLOW),
        // BPF_MAP_CREATE, BPF_PROG_LOAD, BPF_LINK_CREATE.
        (libc::SYS_bpf, 0, 0, REFUSE),
        (libc::SYS_bpf, 0, 5, REFUSE),
        (libc::SYS_bpf, 0, 28, REFUSE),
        (libc::SYS_socket, 0, i64::from(libc::AF_INET6), ALLOW),
        (libc::SYS_socket, 0, i64::from(libc::AF_PACKET), REFUSE),
        (libc::SYS_socket, 0, i64::from(libc::AF_ALG), REFUSE),
        // A thread; a process; a thread in a user namespace.
        (libc::SYS_clone, 0, 0x7d_0f00, ALLOW),
        (libc::SYS_clone, 0, 17, REFUSE),
        (libc::SYS_clone, 0, 0x107d_0f00, REFUSE),
        (libc::SYS_ioctl, 1, 0x5421, ALLOW),
        // TIOCSTI.
        (libc::SYS_ioctl, 1, 0x5412, REFUSE),
        (libc::SYS_prctl, 0, 15, ALLOW),
        (libc::SYS_prctl, 0, i64::from(libc::PR_SET_DUMPABLE), REFUSE),
        (libc::SYS_prlimit64, 0, 1, REFUSE),
        (libc::SYS_mprotect, 2, i64::from(libc::PROT_READ), ALLOW),
    ];
    for (call, argument, value, wanted) in cases {
        assert_eq!(says(false, call, argument, value), wanted, "call {call} with {value:#x}");
    }
}

#[test]
fn without_a_state_file_nothing_is_opened_to_be_written() {
    let reading = [0, libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY, libc::O_PATH | libc::O_DIRECTORY];
    let writing =
        [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC, libc::O_TMPFILE | libc::O_RDWR];
    for flags in reading {
        assert_eq!(says(false, libc::SYS_openat, 2, flags.into()), ALLOW, "{flags:#x}");
    }
    for flags in writing {
        assert_eq!(says(false, libc::SYS_openat, 2, flags.into()), REFUSE, "{flags:#x}");
        assert_eq!(says(true, libc::SYS_openat, 2, flags.into()), ALLOW, "{flags:#x}");
    }
    assert_eq!(says(false, libc::SYS_renameat2, 0, 0), REFUSE);
    assert_eq!(says(false, libc::SYS_unlinkat, 0, 0), REFUSE);
    assert_eq!(says(true, libc::SYS_unlinkat, 0, 0), REFUSE);
}

/// Runs `child` in a process of its own: by what it ended, its code or its signal.
fn in_child(child: impl FnOnce() -> i32) -> Result<i32, i32> {
    // SAFETY: the child makes system calls and ends; it takes no lock of the harness. Needed because no limit can be taken off again.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no process");
    if pid == 0 {
        let code = child();
        // SAFETY: ends the child without the harness's exit handlers.
        unsafe { libc::_exit(code) }
    }
    let mut status = 0;
    // SAFETY: `status` lives across the call, and the child is ours.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) { Err(libc::WTERMSIG(status)) } else { Ok(libc::WEXITSTATUS(status)) }
}

/// The same, under the filter.
fn confined(writes: bool, child: impl FnOnce() -> i32) -> Result<i32, i32> {
    let mut filter = program(writes);
    in_child(|| {
        let ready = rustix::thread::set_no_new_privs(true).is_ok() && install(&mut filter).is_ok();
        if ready { child() } else { 99 }
    })
}

/// The error of opening a path so.
fn opened(path: &core::ffi::CStr, flags: i32) -> i32 {
    // SAFETY: the path ends in a NUL and lives across the call.
    let answer = unsafe { libc::open(path.as_ptr(), flags, 0o600) };
    if answer >= 0 { 0 } else { std::io::Error::last_os_error().raw_os_error().unwrap_or(-1) }
}

#[test]
fn in_force_executing_kills() {
    let ended = confined(false, || {
        let nothing = [core::ptr::null()];
        // SAFETY: both lists end in a null pointer; the call does not come back but with an error.
        unsafe { libc::execve(c"/bin/true".as_ptr(), nothing.as_ptr(), nothing.as_ptr()) };
        1
    });
    assert_eq!(ended, Err(libc::SIGSYS));
    // SAFETY: the call takes no pointers that matter: it is never made.
    let ended = confined(true, || unsafe { libc::unshare(libc::CLONE_NEWUSER) });
    assert_eq!(ended, Err(libc::SIGSYS));
}

#[test]
fn in_force_files_are_read_and_not_written() {
    assert_eq!(confined(false, || opened(c"/proc/self/status", libc::O_RDONLY)), Ok(0));
    assert_eq!(confined(false, || opened(c"/dev/null", libc::O_WRONLY)), Ok(libc::EPERM));
    assert_eq!(confined(false, || opened(c"/tmp/confined", libc::O_RDONLY | libc::O_CREAT)), Ok(libc::EPERM));
    assert_eq!(confined(true, || opened(c"/dev/null", libc::O_WRONLY)), Ok(0));
}

#[test]
fn in_force_no_process_is_made_and_a_name_is_resolved_on_a_thread() {
    // SAFETY: the child of the child, if there were one, would end at once.
    let forked = || i32::from(unsafe { libc::fork() } >= 0);
    assert_eq!(confined(false, forked), Ok(0));
    let resolved = confined(false, || {
        use std::net::ToSocketAddrs as _;
        let thread = std::thread::spawn(|| {
            ("localhost", 1883).to_socket_addrs().is_ok_and(|mut all| all.next().is_some())
        });
        i32::from(!thread.join().unwrap_or(false))
    });
    assert_eq!(resolved, Ok(0));
}

/// Why Landlock is not used: if this fails, a kernel lets programs in a domain look at others, and it could be.
#[test]
fn landlock_would_blind_the_agent() {
    let parent = format!("/proc/{}/exe", std::process::id());
    let looks = || i32::from(std::fs::read_link(&parent).is_err());
    let ended = in_child(|| {
        // `struct landlock_ruleset_attr` of Linux 5.13: executing is handled, and nothing else.
        let handled = 1_u64;
        // SAFETY: the struct lives across the call and has the size given.
        let rules = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const handled, 8, 0) };
        if rules < 0 {
            return 98;
        }
        let before = looks();
        let alone = rustix::thread::set_no_new_privs(true).is_ok();
        // SAFETY: takes numbers only.
        let entered = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules, 0) } == 0;
        if alone && entered { before * 2 + looks() } else { 97 }
    });
    // 98: this kernel has no Landlock. Without a parent that may be looked at, nothing is shown.
    assert!(matches!(ended, Ok(1 | 98)), "{ended:?}");
}
