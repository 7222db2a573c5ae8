//! What became of the deeds of an act.

use std::io;

use super::child::{End, in_child};
use crate::failure::Failure;
use crate::report::Report;

/// Counts, in the order in which they were first named.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Name and number of each.
    counts: Vec<(&'static str, u64)>,
}

impl Tally {
    /// Adds to a count.
    pub(super) fn add(&mut self, name: &'static str, number: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += number,
            None => self.counts.push((name, number)),
        }
    }

    /// Notes the process that does the deed, when it is not this one. The first one noted stays.
    pub(super) fn actor(&mut self, pid: i32) {
        if self.count("actor") == 0 {
            self.add("actor", pid.unsigned_abs().into());
        }
    }

    /// A count; 0 if it was never named.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.counts.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count)
    }

    /// Counts a deed as `done`, or as `denied` when a policy said no. Any other error ends the act.
    pub(super) fn deed<T>(
        &mut self,
        action: &'static str,
        tried: io::Result<T>,
    ) -> Result<Option<T>, Failure> {
        match tried {
            Ok(value) => {
                self.add("done", 1);
                Ok(Some(value))
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.add("denied", 1);
                Ok(None)
            }
            Err(error) => Err(Failure::kernel(action)(error)),
        }
    }

    /// As [`Tally::deed`], for a deed that the kernel refuses by its nature, with one of `expected`: counts `refused`.
    pub(super) fn futile<T>(
        &mut self,
        action: &'static str,
        expected: &[i32],
        tried: io::Result<T>,
    ) -> Result<Option<T>, Failure> {
        match tried {
            Err(error) if error.raw_os_error().is_some_and(|number| expected.contains(&number)) => {
                self.add("refused", 1);
                Ok(None)
            }
            tried => self.deed(action, tried),
        }
    }

    /// Counts how a child ended: `done`, `killed`, `denied`, or `failed` when it ended with a code but 0.
    pub(super) fn end(&mut self, action: &'static str, end: End) -> Result<(), Failure> {
        match end {
            End::Code(0) => self.add("done", 1),
            End::Code(_) => self.add("failed", 1),
            End::Signal(_) => self.add("killed", 1),
            End::Refused(error) => drop(self.deed(action, Err::<(), _>(error))?),
        }
        Ok(())
    }

    /// Does `deed` in a child, waits for it, notes it as actor and counts how it ended.
    pub(super) fn child(
        &mut self,
        action: &'static str,
        deed: impl FnOnce() -> io::Result<i32>,
    ) -> Result<(), Failure> {
        let (pid, end) = in_child(deed).map_err(Failure::kernel("making a child"))?;
        self.actor(pid);
        self.end(action, end)
    }

    /// Writes the counts into a report. `done` and `denied` are always there.
    pub(super) fn into_report(mut self, report: Report) -> Report {
        self.add("done", 0);
        self.add("denied", 0);
        self.counts.into_iter().fold(report, |report, (name, count)| report.count(name, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a number.
    fn error(number: i32) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(number))
    }

    #[test]
    fn deeds_denials_and_futile_deeds_are_told_apart() {
        let mut tally = Tally::default();
        assert!(tally.deed("opening", Ok(())).unwrap().is_some());
        assert!(tally.deed("opening", error(libc::EPERM)).unwrap().is_none());
        assert!(tally.futile("loading", &[libc::ENOEXEC], error(libc::ENOEXEC)).unwrap().is_none());
        assert!(tally.futile("loading", &[libc::ENOEXEC], error(libc::EACCES)).unwrap().is_none());
        assert!(matches!(tally.deed("opening", error(libc::ENOSYS)), Err(Failure::Unsupported { .. })));
        assert!(matches!(tally.deed("opening", error(libc::ENOENT)), Err(Failure::Kernel { .. })));
        assert_eq!((tally.count("done"), tally.count("denied"), tally.count("refused")), (1, 2, 1));
    }

    #[test]
    fn the_first_actor_and_every_end_is_counted() {
        let mut tally = Tally::default();
        tally.actor(7);
        tally.actor(8);
        for end in [End::Code(0), End::Code(3), End::Signal(9)] {
            tally.end("running", end).unwrap();
        }
        let line = tally.into_report(Report::start("act")).finish(0);
        assert!(line.contains(r#""actor":7,"done":1,"failed":1,"killed":1,"denied":0"#), "{line}");
    }
}
