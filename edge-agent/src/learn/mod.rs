//! What `new_egress` has learnt, over restarts: loaded before anything is judged, written seldom, since flash wears out.
//!
//! The kernel side learns by itself and stops by itself. The agent only reads its table once in [`LOOK_EVERY`] and writes a file of
//! at most 5 KB when something in it is new: not more often than once in [`WRITE_EVERY`], and when the agent ends. Once learning is
//! over nothing is new any more, and nothing is written.

mod file;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

pub use file::{FILE_BYTES, FileError, Learnt, decode, encode};

use edge_abi::{EGRESS_KNOWN, EGRESS_POOL, EgressKey, egress_kind};

/// Time between two looks at the kernel side's table.
pub const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// Least time between two writes; the first one of a run comes with the first look that finds something new.
pub const WRITE_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// How far learning has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learning {
    /// Learnt by runs before this one.
    pub before: Duration,
    /// Boot time at which this run began, in nanoseconds.
    pub since_ns: u64,
}

impl Learning {
    /// Boot time in nanoseconds until which is learnt, when `learn` is wanted in all; 0 when that is over already.
    #[must_use]
    pub fn until_ns(self, learn: Duration) -> u64 {
        let left = learn.saturating_sub(self.before).as_nanos() as u64;
        if left == 0 { 0 } else { self.since_ns.saturating_add(left) }
    }

    /// Learnt in all at `now_ns`, never more than `learn`.
    #[must_use]
    pub fn so_far(self, learn: Duration, now_ns: u64) -> Duration {
        let now = Duration::from_nanos(now_ns.saturating_sub(self.since_ns));
        self.before.saturating_add(now).min(learn.max(self.before))
    }
}

/// When the file is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeper {
    /// Which file.
    path: String,
    /// What it holds.
    kept: Learnt,
    /// Boot time of the last write of this run, in nanoseconds.
    written_ns: Option<u64>,
}

impl Keeper {
    /// Of a file that holds this.
    #[must_use]
    pub fn new(path: &str, kept: Learnt) -> Self {
        Self { path: path.to_owned(), kept, written_ns: None }
    }

    /// Whether `now` is to be written. `ends`: the agent does. Another file than before holds nothing yet.
    pub fn is_due(&mut self, path: &str, now: &Learnt, now_ns: u64, ends: bool) -> bool {
        if self.path != path {
            *self = Self::new(path, Learnt::default());
        }
        let rested =
            self.written_ns.is_none_or(|then| now_ns.saturating_sub(then) >= WRITE_EVERY.as_nanos() as u64);
        // Time alone is written as seldom: a device that learns nothing new must be done with learning all the same.
        let aged = now.time.saturating_sub(self.kept.time);
        let new = now.entries != self.kept.entries;
        (new && (rested || ends)) || (rested && aged >= WRITE_EVERY)
    }

    /// Notes what was written.
    pub fn note(&mut self, written: Learnt, now_ns: u64) {
        (self.kept, self.written_ns) = (written, Some(now_ns));
    }
}

/// Puts entries into their order. Networks and ports of a program that may go anywhere are left out: they take room for nothing.
#[must_use]
pub fn tidy(mut entries: Vec<(EgressKey, u32)>) -> Vec<(EgressKey, u32)> {
    let pools: Vec<EgressKey> = entries
        .iter()
        .filter(|(key, count)| is_pool(key.kind) && *count >= EGRESS_POOL)
        .map(|(key, _)| *key)
        .collect();
    let covered = |key: &EgressKey| {
        pools.iter().any(|pool| {
            let listens = key.kind == egress_kind::LISTENER;
            pool.program == key.program
                && pool.protocol == key.protocol
                && (pool.kind == egress_kind::ANY_LISTENER) == listens
                && (listens || pool.port == key.port)
        })
    };
    entries.retain(|(key, _)| is_pool(key.kind) || !covered(key));
    entries.sort_unstable();
    entries.truncate(EGRESS_KNOWN as usize);
    entries
}

/// Whether a kind stands for all of its kind.
fn is_pool(kind: u8) -> bool {
    matches!(kind, egress_kind::ANYWHERE | egress_kind::ANY_LISTENER)
}

/// Reads the file; nothing learnt when there is none. One that cannot be used is named and left as it is until the next write.
#[must_use]
pub fn load(path: &str) -> Learnt {
    if path.is_empty() {
        return Learnt::default();
    }
    match read(Path::new(path)) {
        Ok(bytes) => decode(&bytes).unwrap_or_else(|error| {
            log::error!("learn: file={path} ignored, {error}");
            Learnt::default()
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Learnt::default(),
        Err(error) => {
            log::error!("learn: file={path} not read, {error}");
            Learnt::default()
        }
    }
}

/// Reads at most one byte more than the longest file has.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes the file beside the old one and puts it in its place: a loss of power leaves one of the two.
///
/// # Errors
/// What the file system says.
pub fn save(path: &str, learnt: &Learnt) -> io::Result<()> {
    let (path, beside) = (Path::new(path), format!("{path}.new"));
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&encode(learnt))?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn key(port: u16, network: u8) -> EgressKey {
        EgressKey {
            program: 7,
            port,
            protocol: 6,
            kind: egress_kind::IPV4,
            network: [10, 0, network, 0, 0, 0],
            reserved: [0; 2],
        }
    }

    fn of(ports: &[u16], hours: u64) -> Learnt {
        let entries = ports.iter().map(|port| (key(*port, 0), 1)).collect();
        Learnt { time: Duration::from_secs(hours * 3_600), entries }
    }

    #[test]
    fn learning_goes_on_where_it_stopped() {
        let week = Duration::from_secs(7 * 86_400);
        let learning = Learning { before: Duration::from_secs(6 * 86_400), since_ns: 5 * HOUR };
        assert_eq!(learning.until_ns(week), 29 * HOUR);
        assert_eq!(learning.so_far(week, 17 * HOUR), Duration::from_secs(6 * 86_400 + 12 * 3_600));
        assert_eq!(learning.so_far(week, 500 * HOUR), week);
        assert_eq!(learning.until_ns(Duration::from_secs(86_400)), 0, "made shorter: over at once");
        assert_eq!(learning.until_ns(Duration::ZERO), 0);
    }

    #[test]
    fn the_file_is_written_when_something_is_new_and_seldom() {
        let mut keeper = Keeper::new("f", of(&[443], 1));
        assert!(!keeper.is_due("f", &of(&[443], 2), HOUR, false), "nothing new");
        assert!(!keeper.is_due("f", &of(&[443], 2), HOUR, true));
        assert!(keeper.is_due("f", &of(&[22, 443], 2), HOUR, false));
        keeper.note(of(&[22, 443], 2), HOUR);
        assert!(!keeper.is_due("f", &of(&[22, 23, 443], 3), 2 * HOUR, false), "an hour later");
        assert!(keeper.is_due("f", &of(&[22, 23, 443], 3), 2 * HOUR, true), "at the end");
        assert!(keeper.is_due("f", &of(&[22, 23, 443], 8), 7 * HOUR, false));
        assert!(keeper.is_due("f", &of(&[22, 443], 8), 7 * HOUR, false), "time passes without anything new");
        keeper.note(of(&[22, 443], 8), 7 * HOUR);
        assert!(keeper.is_due("g", &of(&[22, 443], 8), 7 * HOUR, false), "another file");
    }

    #[test]
    fn at_most_four_writes_a_day_whatever_is_learnt() {
        let mut keeper = Keeper::new("f", Learnt::default());
        let mut writes = 0;
        for hour in 0..240_u64 {
            let now = of(&[hour as u16 + 1], hour);
            if keeper.is_due("f", &now, hour * HOUR, false) {
                keeper.note(now, hour * HOUR);
                writes += 1;
            }
        }
        assert_eq!(writes, 40, "in ten days");
    }

    #[test]
    fn what_a_pool_covers_is_left_out() {
        let pool = |count| (EgressKey { kind: egress_kind::ANYWHERE, network: [0; 6], ..key(123, 0) }, count);
        let entries = vec![(key(443, 1), 1), (key(123, 2), 1), (key(123, 1), 1), pool(EGRESS_POOL)];
        assert_eq!(tidy(entries), [pool(EGRESS_POOL), (key(443, 1), 1)]);
        let entries = vec![(key(123, 2), 1), (key(123, 1), 1), pool(2)];
        assert_eq!(tidy(entries).len(), 3, "not yet one");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_bad_one_ignored() {
        let folder = std::env::temp_dir().join(format!("edge-agent-learn-{}", std::process::id()));
        let path = folder.join("deep/egress").display().to_string();
        assert_eq!(load(&path), Learnt::default(), "none there yet");
        save(&path, &of(&[22], 3)).unwrap();
        save(&path, &of(&[22, 443], 4)).unwrap();
        assert_eq!(load(&path), of(&[22, 443], 4));
        assert_eq!(fs::read_dir(folder.join("deep")).unwrap().count(), 1, "nothing left beside it");
        fs::write(&path, b"EDGEKNWN").unwrap();
        assert_eq!(load(&path), Learnt::default());
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(load(""), Learnt::default());
    }
}
