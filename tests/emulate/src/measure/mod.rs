//! Measuring what one operation costs: it is repeated many times between two looks at the clock.
//!
//! In a guest whose clock counts instructions (`-icount shift=0`) a nanosecond is an instruction, of user space, kernel and
//! whatever else ran meanwhile on the one processor.

mod operation;
mod programs;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::attack::tiny_program;
use crate::clock::monotonic_ns;
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;
use operation::Operation;
pub(crate) use programs::programs;

/// Repeats `--operation` `--count` times in each of `--rounds` rounds, and tells the nanoseconds of each round as
/// `round_1_ns`, `round_2_ns`, ... Before them it runs `--warm-up` times uncounted (as often as in a round if not given): that
/// fills caches, and queues that would otherwise put off work until after the measurement.
pub(crate) fn measure(options: &Options) -> Result<Report, Failure> {
    let name = options.required("operation")?;
    let (count, rounds) = (options.value::<u64>("count")?, options.value_or("rounds", 3_u32)?);
    if count == 0 || rounds == 0 {
        return Err(Failure::Usage("options --count and --rounds take no 0".to_owned()));
    }
    let dir = options.path("dir")?;
    fs::create_dir_all(&dir).map_err(Failure::file("creating", &dir))?;
    let mut report = Report::start("measure").count("count", count);
    let program = options.text("program").unwrap_or("/bin/true");
    let mut operation = Operation::prepare(name, &dir, program)?;
    operation.repeat(options.value_or("warm-up", count)?)?;
    for round in 1..=rounds {
        let before = monotonic_ns();
        operation.repeat(count)?;
        let taken = monotonic_ns().saturating_sub(before);
        report = report.count(&format!("round_{round}_ns"), taken);
    }
    operation.clean()?;
    Ok(report)
}

/// Writes the smallest program there is to `--file`: what `fork_exec` costs with it is the kernel's part alone.
pub(crate) fn tiny(options: &Options) -> Result<Report, Failure> {
    let path = options.path("file")?;
    let report = Report::start("tiny");
    fs::write(&path, tiny_program()).map_err(Failure::file("writing", &path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .map_err(Failure::file("marking executable", &path))?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn every_round_is_told_and_nothing_stays() {
        let folder = Folder::new("measure");
        for name in operation::NAMES {
            let options = folder.options(&format!("--operation {name} --count 3 --rounds 2"));
            let line = measure(&options).unwrap().finish(0);
            assert!(line.contains("\"round_2_ns\":") && !line.contains("round_3"), "{line}");
        }
        assert_eq!(fs::read_dir(folder.0.join("victims")).unwrap().count(), 0);
    }

    #[test]
    fn unknown_operations_and_empty_rounds_are_refused() {
        let folder = Folder::new("measure-refused");
        for words in ["--operation reboot --count 3", "--operation getpid --count 0"] {
            assert!(matches!(measure(&folder.options(words)), Err(Failure::Usage(_))), "{words}");
        }
    }
}
