//! Which system calls a watching agent makes, by the names of the C library's headers.
//!
//! What is listed is what the agent, the standard library, rustix and the resolvers of musl and glibc can come to call on one of the three architectures, the
//! older of two forms included: musl falls back to it on kernels that lack the newer one. 32-bit ARM has numbers of its own for 64-bit times (Linux
//! 5.1), which the `libc` crate does not name.

/// Numbers of calls, from their names.
macro_rules! numbers {
    ($($name:ident)*) => { &[$(libc::$name.cast_unsigned() as u16),*] };
}

/// What a call must hold to be made. Only the lower 32 bits of an argument are looked at: all that the kernel takes of flags and commands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Test {
    /// A bit of `with`, and none of `without`.
    Bits {
        /// Bits of which one must be there; 0 when none must.
        with: u32,
        /// Bits that must not be there.
        without: u32,
    },
    /// One of these values.
    OneOf(&'static [u32]),
}

/// A call that is made only in a certain way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tested {
    /// The call.
    pub number: u16,
    /// Which of its arguments is looked at, from 0.
    pub argument: u8,
    /// How.
    pub test: Test,
}

impl Tested {
    /// A call with a look at one argument.
    const fn new(number: libc::c_long, argument: u8, test: Test) -> Self {
        Self { number: number.cast_unsigned() as u16, argument, test }
    }
}

/// Made in any way, on every architecture.
pub(super) const ANY: &[u16] = numbers!(
    // What most of a day goes into stands first: a filter is read from its beginning.
    SYS_epoll_pwait SYS_read SYS_write SYS_timerfd_settime SYS_epoll_ctl SYS_sendto SYS_recvfrom SYS_futex SYS_close
    SYS_madvise SYS_mremap SYS_munmap SYS_brk SYS_getdents64 SYS_readlinkat SYS_lseek SYS_statx
    // Descriptors and files.
    SYS_readv SYS_writev SYS_pread64 SYS_pwrite64 SYS_preadv SYS_pwritev SYS_fcntl SYS_fstat SYS_fstatfs SYS_statfs SYS_faccessat SYS_faccessat2
    SYS_ftruncate SYS_fallocate SYS_fsync SYS_fdatasync SYS_flock SYS_dup SYS_dup3 SYS_getcwd SYS_name_to_handle_at
    // Waiting.
    SYS_epoll_create1 SYS_epoll_pwait2 SYS_eventfd2 SYS_timerfd_create SYS_timerfd_gettime SYS_signalfd4 SYS_ppoll SYS_pselect6 SYS_nanosleep
    SYS_clock_nanosleep SYS_restart_syscall
    // Sockets; none that listens.
    SYS_socketpair SYS_connect SYS_bind SYS_sendmsg SYS_recvmsg SYS_sendmmsg SYS_recvmmsg SYS_getsockopt SYS_setsockopt SYS_getsockname
    SYS_getpeername SYS_shutdown
    // The thread that resolves a name.
    SYS_set_robust_list SYS_set_tid_address SYS_membarrier SYS_sched_yield SYS_sched_getaffinity SYS_sigaltstack SYS_rt_sigaction SYS_rt_sigprocmask
    SYS_rt_sigreturn SYS_exit SYS_exit_group
    // Who, when and how much.
    SYS_getpid SYS_getppid SYS_gettid SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_clock_gettime SYS_clock_getres SYS_gettimeofday SYS_getrandom
    SYS_getrusage SYS_getcpu SYS_uname SYS_sysinfo
);

/// The same, on this architecture alone.
#[cfg(target_arch = "aarch64")]
pub(super) const OWN: &[u16] = numbers!(SYS_newfstatat SYS_sync_file_range SYS_rseq);

/// The same, on this architecture alone.
#[cfg(target_arch = "x86_64")]
pub(super) const OWN: &[u16] = numbers!(
    SYS_newfstatat SYS_sync_file_range SYS_rseq SYS_stat SYS_lstat SYS_access SYS_readlink SYS_poll SYS_select SYS_epoll_wait SYS_getdents SYS_time
    SYS_dup2
);

/// The same, on this architecture alone. Behind the names: `rseq`, `arm_sync_file_range`, and from `clock_gettime64` on those that end in `64` or
/// `time64` in `arch/arm/tools/syscall.tbl`: `clock_getres`, `clock_nanosleep`, `timerfd_gettime`, `timerfd_settime`, `pselect6`, `ppoll`,
/// `recvmmsg`, `futex`.
#[cfg(target_arch = "arm")]
pub(super) const OWN: &[u16] = &{
    const NAMED: &[u16] = numbers!(
        SYS_stat64 SYS_lstat64 SYS_fstat64 SYS_fstatat64 SYS_fstatfs64 SYS_statfs64 SYS_fcntl64 SYS_ftruncate64 SYS__llseek SYS_access SYS_readlink
        SYS_poll SYS__newselect SYS_epoll_wait SYS_send SYS_recv SYS_getuid32 SYS_geteuid32 SYS_getgid32 SYS_getegid32 SYS_ugetrlimit SYS_sigreturn
        SYS_dup2
    );
    const UNNAMED: [u16; 11] = [398, 341, 403, 406, 407, 410, 411, 413, 414, 417, 422];
    let mut all = [0; NAMED.len() + UNNAMED.len()];
    let (named, unnamed) = all.split_at_mut(NAMED.len());
    named.copy_from_slice(NAMED);
    unnamed.copy_from_slice(&UNNAMED);
    all
};

/// Made to keep the state file, when there is one: beside it, and put into its place.
#[cfg(target_arch = "aarch64")]
pub(super) const KEEPING: &[u16] = numbers!(SYS_openat SYS_mkdirat SYS_renameat SYS_renameat2);

/// Made to keep the state file, when there is one: beside it, and put into its place.
#[cfg(not(target_arch = "aarch64"))]
pub(super) const KEEPING: &[u16] =
    numbers!(SYS_open SYS_openat SYS_mkdir SYS_mkdirat SYS_rename SYS_renameat SYS_renameat2);

/// Flags of `open` with which something can be written, made or emptied; `O_TMPFILE` is nothing without the first two.
const WRITING: Test = Test::Bits {
    with: 0,
    without: (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC).cast_unsigned(),
};

/// Made instead when there is none: whatever is opened is only read.
pub(super) const READING: &[Tested] = &[
    Tested::new(libc::SYS_openat, 2, WRITING),
    #[cfg(not(target_arch = "aarch64"))]
    Tested::new(libc::SYS_open, 1, WRITING),
];

/// Memory that can be executed is only for programs that are linked while they run: their resolver loads libraries.
const MAPPING: Test = Test::Bits {
    with: 0,
    without: if cfg!(target_feature = "crt-static") { libc::PROT_EXEC.cast_unsigned() } else { 0 },
};

/// Families of sockets: to the service manager, and over IP. Only glibc asks netlink which addresses this machine has.
const FAMILIES: &[u32] = if cfg!(target_feature = "crt-static") {
    &[libc::AF_UNIX.cast_unsigned(), libc::AF_INET.cast_unsigned(), libc::AF_INET6.cast_unsigned()]
} else {
    &[
        libc::AF_UNIX.cast_unsigned(),
        libc::AF_INET.cast_unsigned(),
        libc::AF_INET6.cast_unsigned(),
        libc::AF_NETLINK.cast_unsigned(),
    ]
};

/// `CLONE_NEWNS`, `NEWCGROUP`, `NEWUTS`, `NEWIPC`, `NEWUSER`, `NEWPID` and `NEWNET` of `linux/sched.h`: namespaces of its own.
const NAMESPACES: u32 = 0x7e02_0000;

/// Made in one way only.
pub(super) const TESTED: &[Tested] = &[
    // Maps are read and written; no program, map or link is made: `enum bpf_cmd`, BPF_MAP_LOOKUP_ELEM to BPF_MAP_GET_NEXT_KEY.
    Tested::new(libc::SYS_bpf, 0, Test::OneOf(&[1, 2, 3, 4])),
    #[cfg(not(target_arch = "arm"))]
    Tested::new(libc::SYS_mmap, 2, MAPPING),
    #[cfg(target_arch = "arm")]
    Tested::new(libc::SYS_mmap2, 2, MAPPING),
    Tested::new(libc::SYS_mprotect, 2, MAPPING),
    Tested::new(libc::SYS_socket, 0, Test::OneOf(FAMILIES)),
    // A thread, never a process.
    Tested::new(
        libc::SYS_clone,
        0,
        Test::Bits { with: libc::CLONE_THREAD.cast_unsigned(), without: NAMESPACES },
    ),
    // FIONBIO, FIOCLEX, FIONREAD, and TCGETS, by which a C library finds out whether it writes to a terminal; the same on all three.
    Tested::new(libc::SYS_ioctl, 1, Test::OneOf(&[0x5421, 0x5451, 0x541b, 0x5401])),
    // PR_SET_NAME of the thread that resolves, and PR_SET_VMA, by which newer C libraries name memory.
    Tested::new(libc::SYS_prctl, 0, Test::OneOf(&[15, 0x5356_4d41])),
    // Its own limits, which it may lower.
    Tested::new(libc::SYS_prlimit64, 0, Test::OneOf(&[0])),
];

/// Answered with `ENOSYS`, at which every C library falls back to `clone`: flags behind a pointer cannot be looked at.
pub(super) const ABSENT: u16 = libc::SYS_clone3.cast_unsigned() as u16;

/// Whoever makes one of these is no agent any more, and is killed.
pub(super) const DEADLY: &[u16] = numbers!(
    SYS_execve SYS_execveat SYS_ptrace SYS_process_vm_writev SYS_init_module SYS_finit_module SYS_delete_module SYS_kexec_load
    SYS_mount SYS_umount2 SYS_pivot_root SYS_chroot SYS_setns SYS_unshare SYS_reboot
);
