//! The longest encoding of every message, summed from its fields and checked against the limit at compile time.
//!
//! A test encodes each message at its extremes and compares, so that a sum cannot drift from the struct it is about.

use crate::envelope::ENVELOPE;
use crate::{MAX_DETECTORS, MAX_LINEAGE};

/// Hard limit of every payload, in bytes.
pub const MAX_PAYLOAD: usize = 512;

/// postcard varints carry seven bits a byte.
const U16: usize = 3;
/// Longest varint of 32 bits.
const U32: usize = 5;
/// Longest varint of 64 bits.
const U64: usize = 10;
/// A byte is itself.
const U8: usize = 1;

/// A byte string of at most `n` bytes; its length takes one byte up to 127.
const fn bytes(n: usize) -> usize {
    assert!(n <= 127, "a longer string has a two-byte length");
    n + 1
}

/// tgid, start, uid, comm, exe.
const SUBJECT: usize = U32 + U64 + U32 + bytes(16) + bytes(96);
/// tgid, start, comm.
const ANCESTOR: usize = U32 + U64 + bytes(16);
/// Everything of a verdict but the evidence.
const HEAD: usize = 16 // boot id
    + U32 + U32 // incarnation, sequence
    + U64 + U64 // event, wall
    + U8 // detector
    + U16 + U8 // technique
    + U8 + U8 + U8 + U8 // severity, action, disposition, rung
    + SUBJECT
    + 1 + MAX_LINEAGE * ANCESTOR
    + U32; // repeats
/// See `FileTamper`: reason, nine counts and times, path, flags.
const FILE_TAMPER: usize = U8 + 9 * U32 + bytes(96) + U8;
/// See `LateralScan`.
const LATERAL_SCAN: usize = U8 + U8 + U8 + U16 + bytes(16) + 4 * U32;
/// See `VolatileExec`.
const VOLATILE_EXEC: usize = U8 + bytes(96) + bytes(64) + U8;

/// See `Act`.
const ACT: usize = U8 + U8 + 3 * U32 + U64 + U32 + bytes(16) + bytes(96) + U8 + U16 + bytes(16);

/// The larger of two.
const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Longest verdict, envelope included.
pub const VERDICT: usize =
    ENVELOPE + HEAD + larger(larger(FILE_TAMPER, LATERAL_SCAN), larger(VOLATILE_EXEC, ACT));
/// Longest heartbeat, envelope included.
pub const HEARTBEAT: usize = ENVELOPE
    + 16
    + 5 * U32 // incarnation, beat, next sequence, uptime, interval
    + U64
    + bytes(16)
    + bytes(32)
    + 6 * U64 // kernel books
    + 9 * U64 // agent books
    + U32
    + U64
    + 1
    + MAX_DETECTORS * (U8 + U8 + U8 + U32)
    + U32; // live
/// Longest status, envelope included.
pub const STATUS: usize = ENVELOPE + U8 + 16 + U32 + U64 + bytes(16);

const _: () = assert!(VERDICT <= MAX_PAYLOAD, "a verdict can exceed the limit");
const _: () = assert!(HEARTBEAT <= MAX_PAYLOAD, "a heartbeat can exceed the limit");
const _: () = assert!(STATUS <= MAX_PAYLOAD, "a status can exceed the limit");
