//! The spool on a medium that loses power, and on files that were damaged.

mod power;

use std::fs;
use std::path::Path;

use super::*;
use crate::queue::Entry;

/// A verdict of usual size that its number tells from others.
fn verdict(severity: u8, number: u32) -> Entry {
    let mut payload = vec![b'v'; 156];
    payload.extend_from_slice(&number.to_le_bytes());
    Entry::new(severity, number, &payload).unwrap()
}

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edge-spool-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn settings(folder: &Path) -> Settings {
    Settings { folder: folder.into(), bytes: 64 * 1024, daily_bytes: 1 << 30, replay: 1_000_000 }
}

fn open(folder: &Folder) -> Spool {
    Spool::open(&settings(&folder.0), 0).unwrap()
}

/// Delivers everything; the numbers in order.
fn drain(spool: &mut Spool) -> Vec<u32> {
    let mut numbers = Vec::new();
    loop {
        let mut keys = Vec::new();
        while let Some((key, entry)) = spool.lend(0).unwrap() {
            numbers.push(entry.sequence());
            keys.push(key);
        }
        if keys.is_empty() {
            return numbers;
        }
        for key in keys {
            spool.acknowledge(key).unwrap();
        }
    }
}

#[test]
fn what_was_kept_is_there_after_a_restart_severe_first_and_gone_when_acknowledged() {
    let folder = Folder::new("restart");
    let mut spool = open(&folder);
    for number in 0..50 {
        spool.push(&verdict(if number % 10 == 7 { 4 } else { 1 }, number), 0).unwrap();
    }
    spool.sync().unwrap();
    drop(spool);
    let mut spool = open(&folder);
    assert_eq!((spool.books().lanes.recovered, spool.books().lanes.old), (50, 50));
    let order = drain(&mut spool);
    assert_eq!(order.get(..5), Some(&[7, 17, 27, 37, 47][..]));
    assert!(order[5..].is_sorted() && order.len() == 50);
    assert!(spool.is_empty() && spool.books().lanes.balance());
    assert_eq!(spool.books().lanes.delivered, 50);
    drop(spool);
    assert!(open(&folder).is_empty(), "trimmed on the medium too");
}

#[test]
fn what_is_lent_and_not_acknowledged_is_lent_again_after_a_restart() {
    let folder = Folder::new("lent");
    let mut spool = open(&folder);
    (0..3).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    let (first, _) = spool.lend(0).unwrap().unwrap();
    let _ = spool.lend(0).unwrap().unwrap();
    spool.acknowledge(first).unwrap();
    spool.acknowledge(first).unwrap();
    spool.acknowledge(12_345).unwrap();
    assert_eq!(spool.books().lanes.held, 3, "a batch is trimmed as a whole");
    spool.sync().unwrap();
    drop(spool);
    assert_eq!(drain(&mut open(&folder)), [0, 1, 2]);
}

#[test]
fn a_full_lane_gives_up_the_oldest_and_counts_them_and_the_other_lane_keeps_its_own() {
    let folder = Folder::new("full");
    let mut spool = open(&folder);
    (0..5).for_each(|number| spool.push(&verdict(4, 10_000 + number), 0).unwrap());
    for number in 0..1_000 {
        spool.push(&verdict(1, number), 0).unwrap();
        assert!(spool.books().lanes.balance());
    }
    let books = spool.books().lanes;
    assert!(books.displaced > 600, "{books:?}");
    let order = drain(&mut spool);
    assert_eq!(order.get(..5), Some(&[10_000, 10_001, 10_002, 10_003, 10_004][..]));
    assert_eq!(order.last(), Some(&999));
    assert_eq!(order.len() as u32 + books.displaced, 1_005);
    assert!(order[5..].windows(2).all(|pair| pair[0] + 1 == pair[1]), "no gap but at the old end");
}

#[test]
fn what_is_displaced_while_lent_is_counted_once() {
    let folder = Folder::new("displaced");
    let mut spool = open(&folder);
    (0..200).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    let lent: Vec<_> = (0..10).map(|_| spool.lend(0).unwrap().unwrap().0).collect();
    (200..1_200).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    for key in lent {
        spool.acknowledge(key).unwrap();
    }
    assert!(spool.books().lanes.balance(), "{:?}", spool.books());
    assert_eq!(drain(&mut spool).last(), Some(&1_199));
    assert!(spool.books().lanes.balance(), "{:?}", spool.books());
}

#[test]
fn a_damaged_frame_costs_one_frame_and_other_damage_is_survived() {
    let folder = Folder::new("damage");
    for (place, least) in [
        (4_096 + 300, 119),
        (4_096, 60),
        (4_096 + 4_095, 119),
        (5 * 4_096, 60),
        (3 * 4_096 + 1, 119),
        (3 * 4_096 + 7, 119),
        (0, 0),
    ] {
        let _ = fs::remove_dir_all(&folder.0);
        let mut spool = open(&folder);
        (0..120).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
        spool.sync().unwrap();
        drop(spool);
        let path = folder.0.join("other");
        let mut bytes = fs::read(&path).unwrap();
        bytes[place] ^= 0xFF;
        fs::write(&path, bytes).unwrap();
        let mut spool = open(&folder);
        let order = drain(&mut spool);
        assert!(order.len() >= least, "byte {place}: {} of 120 left", order.len());
        spool.push(&verdict(1, 500), 0).unwrap();
        assert_eq!(drain(&mut spool), [500], "byte {place}: works on");
        assert!(spool.books().lanes.balance(), "byte {place}: {:?}", spool.books());
    }
}

#[test]
fn what_is_no_spool_is_kept_aside() {
    let folder = Folder::new("foreign");
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.0.join("other"), b"somebody's diary").unwrap();
    let mut spool = open(&folder);
    assert_eq!(fs::read(folder.0.join("other.old")).unwrap(), b"somebody's diary");
    spool.push(&verdict(1, 1), 0).unwrap();
    assert_eq!(drain(&mut spool), [1]);
}

#[test]
fn another_size_begins_anew() {
    let folder = Folder::new("size");
    let mut spool = open(&folder);
    spool.push(&verdict(1, 1), 0).unwrap();
    spool.sync().unwrap();
    drop(spool);
    let larger = Settings { bytes: 128 * 1024, ..settings(&folder.0) };
    assert!(Spool::open(&larger, 0).unwrap().is_empty());
    assert!(folder.0.join("other.old").exists());
}

#[test]
fn files_that_are_links_or_lie_nowhere_are_errors() {
    let folder = Folder::new("links");
    fs::create_dir_all(&folder.0).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.0.join("urgent")).unwrap();
    let error = Spool::open(&settings(&folder.0), 0).err().unwrap();
    assert!(error.to_string().contains("opening the spool"), "{error}");
    let error = Spool::open(&settings(Path::new("/proc/nowhere")), 0).err().unwrap();
    assert!(error.to_string().contains("folder"), "{error}");
}

#[test]
fn the_budget_is_kept_and_half_of_it_is_for_what_is_urgent() {
    let folder = Folder::new("budget");
    let mut spool = Spool::open(&Settings { daily_bytes: 24 * 40_960, ..settings(&folder.0) }, 0).unwrap();
    let (mut kept, mut urgent) = (0, 0);
    for number in 0..100 {
        kept += u32::from(spool.push(&verdict(1, number), 0).is_ok());
        spool.sync().unwrap();
    }
    for number in 0..100 {
        urgent += u32::from(spool.push(&verdict(4, number), 0).is_ok());
        spool.sync().unwrap();
    }
    assert!((3..=6).contains(&kept) && (3..=6).contains(&urgent), "{kept} {urgent}");
    assert!(spool.books().written <= 40_960 + 4_096, "{}", spool.books().written);
    assert!(matches!(spool.push(&verdict(4, 1), 0), Err(SpoolError::Budget)));
    assert!(spool.push(&verdict(4, 1), 3_600_000_000_000).is_ok(), "an hour later");
}

#[test]
fn one_page_is_written_for_a_batch() {
    let folder = Folder::new("batch");
    let mut spool = open(&folder);
    (0..20).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    spool.sync().unwrap();
    assert_eq!(spool.books().written, 4_096);
    for number in 20..2_000 {
        spool.push(&verdict(1, number), 0).unwrap();
    }
    spool.sync().unwrap();
    let each = spool.books().written / 2_000;
    assert!(each < 800, "{each} bytes for a verdict of 168");
}

#[test]
fn replay_is_as_fast_as_it_may_be_and_not_faster() {
    let folder = Folder::new("replay");
    let mut spool = Spool::open(&Settings { replay: 7, ..settings(&folder.0) }, 0).unwrap();
    (0..20).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    let mut lent = 0;
    while spool.lend(5_000_000_000).unwrap().is_some() {
        lent += 1;
    }
    assert_eq!(lent, 7);
    assert!(spool.lend(5_999_999_999).unwrap().is_none());
    assert!(spool.lend(6_000_000_000).unwrap().is_some());
}

#[test]
fn own_verdicts_are_told_from_those_of_runs_before() {
    let folder = Folder::new("own");
    let mut spool = open(&folder);
    (0..10).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    spool.sync().unwrap();
    drop(spool);
    let mut spool = open(&folder);
    (10..15).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    assert_eq!((spool.books().lanes.held, spool.books().lanes.old), (15, 10));
    let _ = drain(&mut spool);
    let books = spool.books().lanes;
    assert_eq!((books.held, books.delivered, books.delivered_own, books.gone_own), (0, 15, 5, 0));
}

#[test]
fn what_is_displaced_of_this_run_is_never_called_delivered() {
    let folder = Folder::new("displaced-own");
    let mut spool = open(&folder);
    (0..10).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    spool.sync().unwrap();
    drop(spool);
    let mut spool = open(&folder);
    let _ = drain(&mut spool);
    (10..1_010).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    let books = spool.books().lanes;
    assert_eq!((books.delivered, books.delivered_own, books.old), (10, 0, 0));
    assert_eq!(books.gone_own, books.displaced);
    assert_eq!(books.gone_own + books.held, 1_000);
}

#[test]
fn what_is_taken_off_is_written_and_counted() {
    let folder = Folder::new("trimmed");
    let mut spool = open(&folder);
    (0..100).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    spool.sync().unwrap();
    let before = spool.books().written;
    let _ = drain(&mut spool);
    // Each page of them once: marked, or emptied.
    let trimmed = (spool.books().written - before) / 4_096;
    assert!((4..=10).contains(&trimmed), "{trimmed} pages");
}

#[test]
fn a_lane_of_which_nothing_makes_sense_begins_anew_in_its_file() {
    let folder = Folder::new("renewed");
    let mut spool = open(&folder);
    (0..100).for_each(|number| spool.push(&verdict(1, number), 0).unwrap());
    let mut failed = false;
    // The store itself says so once, and not a second time.
    let left = spool.shelves[1].with(|lane| {
        if core::mem::replace(&mut failed, true) { Ok(lane.books().held) } else { Err(SpoolError::Corrupt) }
    });
    assert_eq!(left.unwrap(), 0);
    let books = spool.books().lanes;
    assert_eq!((books.lost, books.gone_own, books.held), (100, 100, 0));
    assert!(books.balance());
    spool.push(&verdict(1, 500), 0).unwrap();
    assert_eq!(drain(&mut spool), [500]);
    drop(spool);
    assert!(open(&folder).is_empty());
    assert!(!folder.0.join("other.old").exists());
}

#[test]
fn a_spool_that_cannot_be_made_says_so() {
    let folder = Folder::new("unmade");
    fs::create_dir_all(folder.0.join("urgent.new")).unwrap();
    let error = Spool::open(&settings(&folder.0), 0).err().unwrap();
    assert!(error.to_string().contains("making the spool"), "{error}");
}

#[test]
fn one_process_at_a_time_has_it() {
    let folder = Folder::new("busy");
    let mut first = open(&folder);
    first.push(&verdict(1, 1), 0).unwrap();
    let error = Spool::open(&settings(&folder.0), 0).err().unwrap();
    assert!(matches!(error, SpoolError::Busy), "{error}");
    assert_eq!(drain(&mut first), [1], "and nothing happened to it");
    drop(first);
    assert!(Spool::open(&settings(&folder.0), 0).is_ok());
}
