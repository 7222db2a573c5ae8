//! Programs on perf events: kernel functions, tracepoints, clocks.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use aya_obj::generated::{bpf_attach_type, bpf_cmd};

use super::{LinkAttr, bpf, number, owned, pointer};

/// `struct perf_event_attr` of 72 bytes (`PERF_ATTR_SIZE_VER1`).
#[derive(Default)]
#[repr(C)]
struct PerfAttr {
    kind: u32,
    bytes: u32,
    config: u64,
    period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint: u32,
    config_1: u64,
    config_2: u64,
}

const _: () = assert!(core::mem::offset_of!(PerfAttr, config_2) == 64);

/// What raises a perf event.
#[derive(Clone, Copy, Debug)]
pub(in crate::load) enum Event<'n> {
    /// The clock of one CPU.
    Clock {
        /// Which.
        cpu: u32,
        /// Nanoseconds between two events.
        period_ns: u64,
    },
    /// The first instruction of a kernel function.
    Function {
        /// What `/sys/bus/event_source/devices/kprobe/type` holds.
        kind: u32,
        /// The function.
        name: &'n CStr,
    },
    /// The instruction at an address of the kernel.
    Address {
        /// As for a function.
        kind: u32,
        /// Where.
        address: u64,
    },
    /// A tracepoint, by the number in its `id` file.
    Tracepoint(u64),
}

/// `PERF_TYPE_SOFTWARE`, whose event 0 is `PERF_COUNT_SW_CPU_CLOCK`, and `PERF_TYPE_TRACEPOINT`.
const SOFTWARE: u32 = 1;
/// See [`SOFTWARE`].
const TRACEPOINT: u32 = 2;
/// `PERF_SAMPLE_RAW`.
const SAMPLE_RAW: u64 = 1 << 10;
/// `PERF_FLAG_FD_CLOEXEC`.
const CLOSE_ON_EXEC: u32 = 8;
/// `PERF_EVENT_IOC_SET_BPF` and `PERF_EVENT_IOC_ENABLE`: the same on x86, arm and arm64.
const SET_PROGRAM: u32 = 0x4004_2408;
/// See [`SET_PROGRAM`].
const ENABLE: u32 = 0x2400;

/// Attaches to a perf event of the whole machine: by a link where there are links of perf events (Linux 5.15), else by the event itself.
/// Closing the descriptor detaches, unless it is of a link that is pinned.
pub(in crate::load) fn attach_event(program: BorrowedFd<'_>, event: Event<'_>) -> io::Result<OwnedFd> {
    let none = PerfAttr { bytes: size_of::<PerfAttr>() as u32, ..PerfAttr::default() };
    let (attributes, cpu) = match event {
        Event::Clock { cpu, period_ns } => {
            (PerfAttr { kind: SOFTWARE, period: period_ns, sample_type: SAMPLE_RAW, ..none }, cpu)
        }
        Event::Function { kind, name } => (PerfAttr { kind, config_1: pointer(name.as_ptr()), ..none }, 0),
        Event::Address { kind, address } => (PerfAttr { kind, config_2: address, ..none }, 0),
        Event::Tracepoint(id) => {
            (PerfAttr { kind: TRACEPOINT, config: id, sample_type: SAMPLE_RAW, wakeup: 1, ..none }, 0)
        }
    };
    // SAFETY: the structure lives across the call and tells its size, and so does the name it may point at. Needed because no crate
    // of the agent offers the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_perf_event_open, &raw const attributes, -1, cpu, -1, CLOSE_ON_EXEC)
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    let event = owned(answer);
    // A link can be pinned, and then outlives who made it.
    let attributes = LinkAttr {
        program: number(program),
        target: number(event.as_fd()),
        attach_type: bpf_attach_type::BPF_PERF_EVENT as u32,
        flags: 0,
    };
    match bpf(bpf_cmd::BPF_LINK_CREATE, &attributes).map(owned) {
        Ok(link) => {
            control(&event, ENABLE, 0)?;
            Ok(link)
        }
        // Before Linux 5.15 there is no such link.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            control(&event, SET_PROGRAM, number(program))?;
            control(&event, ENABLE, 0)?;
            Ok(event)
        }
        Err(error) => Err(error),
    }
}

/// One `ioctl` of a perf event.
fn control(event: &OwnedFd, request: u32, argument: u32) -> io::Result<()> {
    // SAFETY: both requests take a number and touch no memory of ours. As a plain system call, since the C libraries do not agree
    // about the type of the request.
    let answer = unsafe { libc::syscall(libc::SYS_ioctl, event.as_raw_fd(), request, argument) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
