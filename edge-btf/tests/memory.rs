//! However large a BTF is, reading it takes less than 64 KiB of heap. Alone in its program, since it counts every allocation.
#![expect(unsafe_code, reason = "an allocator that counts is one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use edge_btf::{Btf, FileSource, Member, Source, Wanted};

/// The system's allocator, counted.
struct Counted;

/// Bytes in use.
static NOW: AtomicUsize = AtomicUsize::new(0);
/// The most there were.
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's demands.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Most heap a scan may take.
const LIMIT: usize = 64 * 1024;

/// As many members as the agent asks for, and more.
const MEMBERS: [(&str, &str); 100] = [("task_struct", "comm"); 100];

/// The most heap that `work` takes.
fn peak(work: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    work();
    PEAK.load(Ordering::Relaxed) - before
}

/// A BTF of 40 MB that is nowhere whole: the same types over and over, then the wanted ones.
struct Huge {
    /// Header, and the types that repeat.
    repeated: Vec<u8>,
    /// How often.
    times: u64,
    /// Types and strings at the end.
    tail: Vec<u8>,
}

/// Bytes of a header.
const HEADER: usize = 24;

impl Huge {
    fn new() -> Self {
        let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        let times = 1700;
        // The last three types are `char`, `char[16]`, and the struct.
        let last = 1000 * times + 1;
        let strings = b"\0char\0comm\0task_struct\0";
        let types = [1, 1 << 24, 1, 8, 0, 3 << 24, 0, last, last, 16, 11, 4 << 24 | 1, 24, 6, last + 1, 64];
        let all = 24 * 1000 * times + 4 * types.len() as u32;
        let magic = u32::from_ne_bytes([0x9f, 0xeb, 1, 0]);
        let mut repeated = bytes(&[magic, HEADER as u32, 0, all, all, strings.len() as u32]);
        for _ in 0..1000 {
            repeated.extend(bytes(&[0, 3 << 24, 0, 1, 1, 1]));
        }
        Self { repeated, times: times.into(), tail: [&bytes(&types), &strings[..]].concat() }
    }
}

impl Source for Huge {
    fn size(&self) -> u64 {
        HEADER as u64 + 24_000 * self.times + self.tail.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let header = HEADER as u64;
        let body = 24_000 * self.times;
        let piece = if at < header {
            self.repeated.get(at as usize..HEADER)
        } else if at < header + body {
            self.repeated.get(HEADER + ((at - header) % 24_000) as usize..)
        } else {
            self.tail.get((at - header - body) as usize..)
        };
        let piece = piece.unwrap_or_default();
        (&piece).read_at(0, buffer)
    }
}

#[test]
fn a_huge_btf_and_the_kernels_own_fit_into_64_kib() {
    let huge = Huge::new();
    let bytes = huge.size();
    let used = peak(|| {
        let wanted = Wanted { members: &MEMBERS, functions: &["vfs_open"] };
        let mut btf = Btf::scan(huge, &wanted).unwrap();
        let comm = btf.member("task_struct", "comm").unwrap();
        assert_eq!(comm, Some(Member { offset: 8, bytes: 16, pointer: false }));
        assert_eq!(btf.types(), 1_700_003);
    });
    assert!(used < LIMIT, "{used} for {bytes} bytes of BTF");

    // A machine without BTF has shown what it can.
    let Ok(file) = std::fs::File::open("/sys/kernel/btf/vmlinux") else { return };
    let source = FileSource::new(file).unwrap();
    let bytes = source.size();
    let used = peak(|| {
        let wanted = Wanted { members: &MEMBERS, functions: &["vfs_open"] };
        let mut btf = Btf::scan(source, &wanted).unwrap();
        assert_eq!(btf.member("task_struct", "comm").unwrap().map(|comm| comm.bytes), Some(16));
    });
    assert!(used < LIMIT, "{used} for the {bytes} bytes of this kernel's BTF");
}
