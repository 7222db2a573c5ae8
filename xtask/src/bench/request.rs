//! What `bench cost` is asked for.

use super::case::Rung;
use anyhow::{Result, bail, ensure};
use edge_tests::vm::{Arch, Kernel};
use lexopt::{Arg, ValueExt as _};

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The guests.
    pub(super) guests: Vec<(Arch, Kernel)>,
    /// How often each case is booted anew: where the kernel's data lies differs from boot to boot, and with it the cost.
    pub(super) boots: u32,
    /// How many rounds each operation is measured in per boot, after one that is not counted.
    pub(super) rounds: u32,
    /// The rungs the agent is held to; each is a case of its own.
    pub(super) rungs: Vec<Rung>,
    /// Whether each detector is also measured alone.
    pub(super) each: bool,
    /// Whether the results go into docs/cost.md and benches/cost.json.
    pub(super) write: bool,
    /// Whether a target that is not met is an error.
    pub(super) check: bool,
}

/// Reads the arguments after `bench`.
pub(super) fn parse(mut args: lexopt::Parser) -> Result<Request> {
    match args.next()? {
        Some(Arg::Value(what)) if what == "cost" => {}
        _ => bail!("what is to be measured is missing; it can be `cost`"),
    }
    let (mut arch, mut kernel, mut rungs) = (None::<Arch>, Kernel::V6_12, Vec::new());
    let mut request = Request {
        guests: Vec::new(),
        boots: 3,
        rounds: 3,
        rungs: Vec::new(),
        each: false,
        write: false,
        check: false,
    };
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("arch") => arch = Some(args.value()?.parse()?),
            Arg::Long("kernel") => kernel = args.value()?.parse()?,
            Arg::Long("boots") => request.boots = args.value()?.parse()?,
            Arg::Long("rounds") => request.rounds = args.value()?.parse()?,
            Arg::Long("rung") => rungs.push(Rung::named(&args.value()?.string()?)?),
            Arg::Long("each") => request.each = true,
            Arg::Long("write") => request.write = true,
            Arg::Long("check") => request.check = true,
            other => return Err(other.unexpected().into()),
        }
    }
    ensure!(request.boots > 0 && request.rounds > 0, "--boots 0 and --rounds 0 measure nothing");
    request.guests = Arch::ALL
        .into_iter()
        .filter(|one| arch.is_none_or(|chosen| chosen == *one))
        .map(|arch| (arch, kernel))
        .collect();
    request.rungs = if rungs.is_empty() { vec![Rung::Best] } else { rungs };
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Request> {
        parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn both_architectures_are_measured_unless_one_is_chosen() {
        let request = parsed(&["cost"]).unwrap();
        assert_eq!(request.guests, [(Arch::Arm64, Kernel::V6_12), (Arch::Armhf, Kernel::V6_12)]);
        assert_eq!(request.rungs, [Rung::Best]);
        let request =
            parsed(&["cost", "--arch", "armhf", "--kernel", "5.10", "--rung", "tracepoint"]).unwrap();
        assert_eq!(request.guests, [(Arch::Armhf, Kernel::V5_10)]);
        assert_eq!(request.rungs, [Rung::Tracepoint]);
    }

    #[test]
    fn nothing_to_measure_is_refused() {
        for words in [&[][..], &["speed"], &["cost", "--boots", "0"], &["cost", "--rung", "top"]] {
            assert!(parsed(words).is_err(), "{words:?}");
        }
    }
}
