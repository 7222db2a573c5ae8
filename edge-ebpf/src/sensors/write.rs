//! Writes on the tracepoint rung: only of processes that have already changed files, and sampled only when suspicious.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use edge_abi::{FileTamperTuning, SyscallClass};
use edge_ebpf::detectors::file_tamper::FilesState;
use edge_ebpf::sample::{ByteSet, SAMPLE_BYTES, SHORT_BYTES, Sample, classify, is_packed};

use super::net::has_bus;
use super::syscall::{Jump, argument, class, jump, pointer_bytes, registers, scratch};
use crate::clock::now_ns;
use crate::emit::file_tamper::{self, Of};
use crate::maps::Scratch;
use crate::{globals, read, task};

/// A buffer in user memory.
#[derive(Clone, Copy)]
pub(super) struct Buffer {
    /// Where it begins.
    pub(super) address: u64,
    /// Its length in bytes.
    pub(super) length: u64,
}

/// `PROT_WRITE` and `MAP_SHARED`, the same everywhere (`include/uapi/asm-generic/mman-common.h`).
const PROT_WRITE: u64 = 2;
/// See [`PROT_WRITE`].
const MAP_SHARED: u64 = 1;

/// Whether a syscall of this class brings data into a file.
#[inline(always)]
pub(super) fn is_data(class: u8) -> bool {
    class == SyscallClass::Write as u8
        || class == SyscallClass::Writev as u8
        || (class >= SyscallClass::Mmap as u8 && class <= SyscallClass::Ftruncate as u8)
}

/// Whether its registers allow it to: of mappings only those that share what is written.
#[inline(always)]
pub(super) fn matters(ctx: &RawTracePointContext, class: u8) -> bool {
    if class != SyscallClass::Mmap as u8 {
        return true;
    }
    let registers = registers(ctx);
    argument(registers, globals::third_argument()) & PROT_WRITE != 0
        && argument(registers, globals::fourth_argument()) & MAP_SHARED != 0
}

/// Data is about to be written, or was written through a mapping that is about to go.
#[raw_tracepoint]
pub(crate) fn sys_write(ctx: RawTracePointContext) -> i32 {
    let _ = observe(&ctx);
    let class = class(&ctx);
    let writes = class == SyscallClass::Write as u8 || class == SyscallClass::Writev as u8;
    if writes && has_bus(task::current_tgid()) {
        jump(&ctx, Jump::Net);
    }
    0
}

/// Turns one of them into evidence.
#[inline(always)]
fn observe(ctx: &RawTracePointContext) -> Option<()> {
    let scratch = scratch()?;
    let (class, registers) = (class(ctx), registers(ctx));
    let tgid = task::current_tgid();
    let state = file_tamper::known(tgid)?;
    let tuning = file_tamper::tuning(Of::Process)?;
    let origin = file_tamper::known(file_tamper::origin_key(tgid));
    if globals::denies() != 0 && class != SyscallClass::Munmap as u8 {
        // Seen at the file itself (`object/write.rs`).
        return None;
    }
    if class == SyscallClass::Mmap as u8 {
        state.note_mapping();
        return None;
    }
    if class == SyscallClass::Munmap as u8 && !state.is_mapped() {
        return None;
    }
    if class == SyscallClass::Ftruncate as u8 {
        let length = argument(registers, globals::second_argument());
        if length != 0 {
            return None;
        }
        state.note_emptied(now_ns());
        if let Some(origin) = origin {
            origin.note_emptied(now_ns());
        }
        return None;
    }
    let wanted = state.wants_sample(tuning)
        || origin.as_ref().is_some_and(|origin| {
            file_tamper::tuning(Of::Origin).is_some_and(|tuning| origin.wants_sample(tuning))
        });
    let sample = if wanted {
        let first = argument(registers, globals::first_argument());
        let second = argument(registers, globals::second_argument());
        let third = argument(registers, globals::third_argument());
        let buffer = if class == SyscallClass::Writev as u8 {
            larger_of_two(second, third, pointer_bytes(registers))
        } else if class == SyscallClass::Munmap as u8 {
            Buffer { address: first, length: second }
        } else {
            Buffer { address: second, length: third }
        };
        let Scratch { sample, values, .. } = scratch;
        take((sample, values), state, tuning, buffer)
    } else {
        Sample::None
    };
    if let Some(origin) = origin {
        origin.note_write(sample);
    }
    file_tamper::note(state, tuning, tgid, sample);
    Some(())
}

/// The larger of the first two buffers of a vector: C libraries put a small remainder before the data. Its words are as wide as
/// the task's pointers.
#[inline(always)]
pub(super) fn larger_of_two(vector: u64, count: u64, width: u64) -> Buffer {
    let word = |index: u64| {
        let address = vector + index * width;
        if width == 4 {
            read::user::<u32>(address).map_or(0, u64::from)
        } else {
            read::user::<u64>(address).unwrap_or(0)
        }
    };
    let first = Buffer { address: word(0), length: word(1) };
    if count < 2 {
        return first;
    }
    let second = Buffer { address: word(2), length: word(3) };
    if second.length > first.length { second } else { first }
}

/// Samples the middle of the buffer, since a header is cheap to forge; its beginning only to tell packed formats.
#[inline(always)]
pub(super) fn take(
    room: (&mut [u8; SAMPLE_BYTES], &mut ByteSet),
    state: &FilesState,
    tuning: &FileTamperTuning,
    buffer: Buffer,
) -> Sample {
    let (bytes, values) = room;
    if buffer.length < SHORT_BYTES as u64 {
        return Sample::None;
    }
    if state.at_file_start()
        && read::user::<u64>(buffer.address).is_some_and(|head| is_packed(u64::from_le(head)))
    {
        return Sample::Packed;
    }
    let short = buffer.length < SAMPLE_BYTES as u64;
    let middle = if buffer.length < 4 * SAMPLE_BYTES as u64 { 0 } else { buffer.length >> 1 };
    let readable = if short {
        let (head, _) = bytes.split_at_mut(SHORT_BYTES);
        read::user_bytes(buffer.address, head)
    } else {
        read::user_bytes(buffer.address + middle, bytes)
    };
    if !readable {
        return Sample::None;
    }
    values.clear();
    let wanted = if short { SHORT_BYTES } else { SAMPLE_BYTES };
    for (index, &byte) in bytes.iter().enumerate() {
        if index >= wanted {
            break;
        }
        values.insert(byte);
    }
    classify(values.distinct(), short, tuning.diversity)
}
