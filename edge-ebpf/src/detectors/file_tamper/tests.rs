//! Attacks and their benign twins, as sequences of evidence.

use super::*;

const TUNING: FileTamperTuning = FileTamperTuning {
    mode: 1,
    threshold: 30,
    unlink_threshold: 300,
    suspicion: 8,
    diversity: 80,
    reserved: 0,
    window_ns: 10_000_000_000,
};

const MS: u64 = 1_000_000;

/// One process under observation.
struct Process {
    state: FilesState,
    now_ns: u64,
    step_ns: u64,
    finding: Option<TamperReason>,
    reports: u32,
}

impl Process {
    fn new() -> Self {
        Self { state: FilesState::new(), now_ns: 77, step_ns: MS, finding: None, reports: 0 }
    }

    fn does(&mut self, evidence: FileEvidence) {
        self.now_ns += self.step_ns;
        if let Decision::Finding(reason, report) = observe(&mut self.state, &TUNING, evidence, self.now_ns) {
            self.finding.get_or_insert(reason);
            self.reports += u32::from(report == Report::Now);
        }
    }

    fn write(&mut self, sample: Sample) {
        let sample = if self.state.wants_sample(&TUNING) { sample } else { Sample::None };
        self.does(FileEvidence::Write(sample));
    }

    fn open_existing(&mut self, file: u32, truncate: bool) {
        self.does(FileEvidence::OpenWrite { file, create: false, exclusive: false, truncate });
    }

    fn create(&mut self, file: u32, exclusive: bool) {
        self.does(FileEvidence::OpenWrite { file, create: true, exclusive, truncate: !exclusive });
    }

    fn rename(&mut self, old: u32, new: u32, shape: RenameShape) {
        self.does(FileEvidence::Rename { old, new, shape });
    }
}

/// Work spread over a process per file is seen by the origin's state, and its cleaning up afterwards is not.
#[test]
fn an_origin_is_judged_by_what_harms_and_not_by_deletions() {
    let tuning = FileTamperTuning { threshold: 60, window_ns: 300_000 * MS, ..TUNING };
    let mut state = FilesState::new();
    let mut found = None;
    for file in 1..=200 {
        let now = u64::from(file) * 1_000 * MS;
        let open = FileEvidence::OpenWrite { file, create: false, exclusive: false, truncate: false };
        let rename = FileEvidence::Rename { old: file, new: file + 1_000, shape: RenameShape::Ending };
        let _ = observe_origin(&mut state, &tuning, open, now);
        state.note_write(Sample::High);
        if let Decision::Finding(reason, _) = observe_origin(&mut state, &tuning, rename, now + MS) {
            found.get_or_insert((file, reason));
        }
    }
    assert_eq!(found, Some((60, TamperReason::EncryptedContent)), "one a second, for a minute");
    for file in 5_000..6_000 {
        let decision = observe_origin(&mut state, &tuning, FileEvidence::Unlink(file), 201_000 * MS);
        assert_eq!(decision, Decision::Quiet, "rm in the same session");
    }
}

/// Runs `attack` on files 1, 2, … until it is a finding; how many files it had begun, and why it was stopped.
fn files_until_stopped(mut attack: impl FnMut(&mut Process, u32)) -> (u32, TamperReason) {
    let mut process = Process::new();
    for file in 1..1_000 {
        attack(&mut process, file);
        if let Some(reason) = process.finding {
            return (file, reason);
        }
    }
    panic!("never a finding: {:?}", process.state);
}

const NEW: u32 = 1 << 20;

#[test]
fn rewrite_and_rename_is_stopped_at_the_threshold() {
    let stopped = files_until_stopped(|process, file| {
        process.does(FileEvidence::OpenRead(file));
        process.open_existing(file, false);
        process.write(Sample::High);
        process.rename(file, file | NEW, RenameShape::Ending);
    });
    assert_eq!(stopped, (30, TamperReason::EncryptedContent));
}

#[test]
fn truncating_rewrite_is_stopped_at_the_threshold() {
    // As `open(f, "rb")` and then `open(f, "wb")` in a script.
    let stopped = files_until_stopped(|process, file| {
        process.does(FileEvidence::OpenRead(file));
        process.create(file, false);
        if process.finding.is_none() {
            process.write(Sample::High);
        }
    });
    assert_eq!(stopped, (30, TamperReason::EncryptedContent));
}

#[test]
fn encrypted_copy_then_unlink_is_stopped_at_the_threshold() {
    let stopped = files_until_stopped(|process, file| {
        process.does(FileEvidence::OpenRead(file));
        process.create(file | NEW, true);
        process.write(Sample::High);
        process.does(FileEvidence::Unlink(file));
    });
    assert_eq!(stopped, (30, TamperReason::EncryptedContent));
}

#[test]
fn replacing_through_a_temporary_file_is_stopped() {
    let stopped = files_until_stopped(|process, file| {
        process.does(FileEvidence::OpenRead(file));
        process.create(file | NEW, true);
        process.write(Sample::High);
        process.rename(file | NEW, file, RenameShape::Arrival);
    });
    assert_eq!(stopped, (30, TamperReason::EncryptedContent));
}

#[test]
fn overwriting_in_place_is_stopped_after_the_threshold_th_file() {
    // The finding comes with the opening of the file after it, before that one is harmed.
    let stopped = files_until_stopped(|process, file| {
        process.open_existing(file, false);
        process.write(Sample::High);
    });
    assert_eq!(stopped, (31, TamperReason::EncryptedContent));
}

#[test]
fn renaming_alone_is_stopped_by_the_endings() {
    let stopped = files_until_stopped(|process, file| process.rename(file, file | NEW, RenameShape::Ending));
    assert_eq!(stopped, (30, TamperReason::NewEnding));
}

#[test]
fn wiping_with_zeros_and_emptying_are_destruction() {
    let stopped = files_until_stopped(|process, file| {
        process.open_existing(file, false);
        process.write(Sample::Flat);
        process.does(FileEvidence::Unlink(file));
    });
    assert_eq!(stopped, (30, TamperReason::Overwritten));
    assert_eq!(files_until_stopped(|process, file| process.does(FileEvidence::Empty(file))).0, 30);
}

#[test]
fn deleting_alone_needs_the_higher_count() {
    let stopped = files_until_stopped(|process, file| process.does(FileEvidence::Unlink(file)));
    assert_eq!(stopped, (300, TamperReason::MassDelete));
}

#[test]
fn several_writes_per_file_do_not_exhaust_or_dilute() {
    let stopped = files_until_stopped(|process, file| {
        process.open_existing(file, false);
        for _ in 0..50 {
            process.write(Sample::High);
        }
        process.rename(file, file | NEW, RenameShape::Plain);
    });
    assert_eq!(stopped, (30, TamperReason::EncryptedContent));
}

/// Runs 500 rounds of `work` and expects silence.
fn quiet(mut work: impl FnMut(&mut Process, u32)) {
    let mut process = Process::new();
    for file in 1..=500 {
        work(&mut process, file);
    }
    assert_eq!(process.finding, None, "{:?}", process.state);
}

#[test]
fn a_package_upgrade_is_quiet() {
    quiet(|process, file| {
        process.create(file | NEW, true);
        process.write(if file % 4 == 0 { Sample::High } else { Sample::Low });
        process.rename(file | NEW, file, RenameShape::Arrival);
    });
}

#[test]
fn a_sync_of_photographs_is_quiet() {
    quiet(|process, file| {
        process.create(file | NEW, true);
        process.write(Sample::High);
        process.rename(file | NEW, file, RenameShape::Arrival);
    });
}

#[test]
fn new_snapshots_of_a_camera_are_quiet() {
    quiet(|process, file| {
        process.create(file, false);
        process.write(Sample::High);
    });
}

#[test]
fn compressing_exports_is_quiet_below_the_deletion_count() {
    let mut process = Process::new();
    for file in 1..=250 {
        process.does(FileEvidence::OpenRead(file));
        process.create(file | NEW, true);
        process.does(FileEvidence::Write(Sample::Packed));
        process.write(Sample::High);
        process.does(FileEvidence::Unlink(file));
    }
    assert_eq!(process.finding, None, "{:?}", process.state);
}

#[test]
fn a_rotation_of_many_logs_is_quiet() {
    quiet(|process, file| {
        process.rename(file, file | NEW, RenameShape::Plain);
        process.create(file, true);
        process.write(Sample::Low);
    });
}

#[test]
fn a_database_is_quiet() {
    let mut process = Process::new();
    process.open_existing(1, false);
    for _ in 0..10_000 {
        process.write(Sample::High);
    }
    assert_eq!(process.finding, None);
}

#[test]
fn slow_work_is_quiet_and_old_work_is_forgotten() {
    let mut process = Process::new();
    process.step_ns = 1_000 * MS;
    for file in 1..=200 {
        process.rename(file, file | NEW, RenameShape::Ending);
    }
    assert_eq!(process.finding, None, "one file a second stays below 30 in 10 s");
}

#[test]
fn reports_double_so_that_one_process_cannot_flood() {
    let mut process = Process::new();
    process.step_ns = 1;
    for file in 1..=10_000 {
        process.rename(file, file | NEW, RenameShape::Ending);
    }
    // 30, 60, 120, … 7,680.
    assert_eq!(process.reports, 9);
}

#[test]
fn a_burst_across_a_window_boundary_is_caught_in_time() {
    for phase in 0..40_u64 {
        let mut process = Process::new();
        process.rename(1 << 30, 1 << 29, RenameShape::Plain);
        process.now_ns += phase * 250 * MS;
        let mut begun = 0;
        for file in 1..1_000 {
            begun = file;
            process.rename(file, file | NEW, RenameShape::Ending);
            if process.finding.is_some() {
                break;
            }
        }
        assert!((29..=40).contains(&begun), "phase {phase}: {begun} files");
    }
}

#[test]
fn first_harm_is_kept_for_the_time_to_verdict() {
    let mut process = Process::new();
    process.rename(1, 1 | NEW, RenameShape::Plain);
    let first = process.now_ns;
    process.rename(2, 2 | NEW, RenameShape::Plain);
    assert_eq!(process.state.first_ns, first);
}

/// As the LSM rung tells a write to a file that was not opened last.
fn write_elsewhere(process: &mut Process, file: u32) {
    if !process.state.is_opened(file) && process.state.is_first_write(file) {
        process.open_existing(file, false);
    }
    process.write(Sample::High);
}

#[test]
fn files_opened_before_the_first_is_written_are_counted_as_they_are_written() {
    let mut process = Process::new();
    let files: std::vec::Vec<u32> = (0..80).map(|number| identity(0x0080_0001, 1_000 + number)).collect();
    for &file in &files {
        process.open_existing(file, false);
    }
    let mut written = 0;
    for &file in &files {
        written += 1;
        write_elsewhere(&mut process, file);
        if process.finding.is_some() {
            break;
        }
    }
    assert_eq!(process.finding, Some(TamperReason::EncryptedContent));
    assert!((31..=60).contains(&written), "{written} files, some of which share a bit");
}

#[test]
fn writing_to_a_dozen_files_in_turn_is_quiet() {
    let mut process = Process::new();
    for round in 0..1_000 {
        write_elsewhere(&mut process, identity(0x0080_0001, 1_000 + round % 12));
    }
    assert_eq!(process.finding, None, "{:?}", process.state);
}

#[test]
fn a_file_that_keeps_its_identity_is_counted_once_under_all_its_names() {
    let stopped = files_until_stopped(|process, file| {
        process.rename(file, file, RenameShape::Ending);
        process.rename(file, file, RenameShape::Plain);
        process.does(FileEvidence::Unlink(file));
    });
    assert_eq!(stopped, (30, TamperReason::NewEnding));
}

#[test]
fn what_passed_the_threshold_stands_until_the_window_has_gone() {
    let mut process = Process::new();
    for file in 1..=29 {
        process.rename(file, file, RenameShape::Ending);
    }
    let standing_at = |process: &Process, now_ns| standing(&process.state, &TUNING, now_ns);
    assert_eq!(standing_at(&process, process.now_ns), TamperReason::None);
    process.rename(30, 30, RenameShape::Ending);
    assert_eq!(standing_at(&process, process.now_ns), TamperReason::NewEnding);
    let later = process.now_ns + 3 * TUNING.window_ns;
    process.state.advance(later, TUNING.window_ns);
    assert_eq!(standing_at(&process, later), TamperReason::None);
}

#[test]
fn identities_tell_files_and_file_systems_apart() {
    let mut seen = std::collections::BTreeSet::new();
    for dev in [1, 0x0080_0001, 0x0080_0002] {
        for ino in 1..2_000 {
            seen.insert(identity(dev, ino));
        }
    }
    assert!(seen.len() > 3 * 1_999 - 3, "{} of {}", seen.len(), 3 * 1_999);
    assert!(!seen.contains(&0));
}
