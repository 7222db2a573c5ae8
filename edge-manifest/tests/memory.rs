//! The reader takes no heap. Alone in its program, since it counts every allocation.
#![expect(unsafe_code, reason = "an allocator that counts is one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use edge_manifest::{Digest, Manifest};

mod common;

/// The system's allocator, counted.
struct Counted;

/// How often it was asked.
static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's demands.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system's demands.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

#[test]
fn reading_takes_no_heap() {
    let bytes = common::usual().encode().unwrap();
    let mut damaged = bytes.clone();
    damaged[100] ^= 1;
    let before = CALLS.load(Ordering::Relaxed);
    assert!(before > 0, "the writer has some");
    let manifest = Manifest::parse(&bytes).unwrap();
    let mut entries = manifest.entries();
    while let Some(entry) = entries.next() {
        black_box(manifest.find(entry.path).unwrap());
    }
    black_box(manifest.unlinked(b"/bin/cat", &mut [0; 255]).unwrap());
    black_box((manifest.file_systems().count(), manifest.peers().count(), manifest.listens().count()));
    black_box((manifest.folder_links().count(), Digest::of(&bytes), Manifest::parse(&damaged).is_err()));
    let used = CALLS.load(Ordering::Relaxed) - before;
    assert_eq!(used, 0, "allocations");
    let words = size_of::<Manifest<'_>>() / size_of::<usize>();
    assert!(words <= 30, "a manifest is {words} words, and the bytes it was read from");
}
