//! `vm`: a guest with a kernel of the support matrix, for one command or for a session at its shell.

use crate::build::{self, PROGRAMS, Target};
use crate::setup::{self, Need};
use crate::workspace::Workspace;
use anyhow::{Result, bail, ensure};
use edge_tests::vm::{Arch, GuestBuilder, Kernel};
use lexopt::{Arg, ValueExt as _};
use std::time::Duration;

/// How long a command may take when nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    /// The guest's architecture.
    arch: Arch,
    /// The guest's kernel.
    kernel: Kernel,
    /// How long the command may take.
    timeout: Duration,
    /// Whether the guest's clock counts instructions, as in `bench cost`.
    icount: bool,
    /// A line for the guest's shell; empty for a session.
    command: String,
}

/// The verb.
pub(crate) fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<()> {
    let request = parse(args)?;
    setup::ensure(workspace, "vm", &[Need::Guest])?;
    setup::fetch_kernels(&[(request.arch, request.kernel)])?;
    let mut builder = GuestBuilder::new(request.arch, request.kernel);
    let target = Target::for_guest(request.arch);
    let dir = build::output_dir(workspace, target, target.profile());
    let (built, absent): (Vec<_>, Vec<_>) =
        PROGRAMS.iter().partition(|program| dir.join(program.name).is_file());
    for program in &built {
        builder = builder.program(&dir.join(program.name))?;
    }
    if !absent.is_empty() {
        let names: Vec<_> = absent.iter().map(|program| program.name).collect();
        println!("without {} (`cargo xtask build --target {}` makes them)", names.join(", "), target.name());
    }
    if request.icount {
        builder = builder.icount();
    }
    let mut guest = builder.boot()?;
    if request.command.is_empty() {
        println!(
            "the shell of Linux {} on {}; `poweroff -f` or Ctrl-C ends the guest",
            request.kernel, request.arch
        );
        guest.interact()?;
        return Ok(());
    }
    let done = guest.run(&request.command, request.timeout)?;
    println!("{}", done.output);
    if done.code != 0 {
        bail!("the command ended with exit code {}", done.code);
    }
    Ok(())
}

/// Reads the arguments.
fn parse(mut args: lexopt::Parser) -> Result<Request> {
    let (mut arch, mut kernel, mut timeout, mut icount, mut command) =
        (None, None, TIMEOUT, false, Vec::new());
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("arch") => arch = Some(args.value()?.parse()?),
            Arg::Long("kernel") => kernel = Some(args.value()?.parse()?),
            Arg::Long("timeout") => timeout = Duration::from_secs(args.value()?.parse()?),
            Arg::Long("icount") => icount = true,
            // Joined as ssh does it: the guest's shell reads one line.
            Arg::Value(word) => command.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let (Some(arch), Some(kernel)) = (arch, kernel) else {
        bail!("--arch (arm64, armhf) and --kernel (5.10, 6.1, 6.12, 7.2) say which guest to boot");
    };
    ensure!(!timeout.is_zero(), "--timeout 0 leaves the command no time");
    Ok(Request { arch, kernel, timeout, icount, command: command.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Request> {
        parse(lexopt::Parser::from_args(words))
    }

    #[test]
    fn words_after_the_dashes_are_the_command() {
        let request = parsed(&["--arch", "armhf", "--kernel", "6.1", "--", "ls", "-l", "/"]).unwrap();
        let expected = Request {
            arch: Arch::Armhf,
            kernel: Kernel::V6_1,
            timeout: TIMEOUT,
            icount: false,
            command: "ls -l /".to_owned(),
        };
        assert_eq!(request, expected);
        assert!(parsed(&["--arch", "armhf", "--kernel", "6.1", "--icount", "ls"]).unwrap().icount);
    }

    #[test]
    fn a_guest_must_be_named_and_exist() {
        assert!(parsed(&["--arch", "arm64"]).unwrap_err().to_string().contains("--kernel"));
        assert!(parsed(&["--arch", "mips", "--kernel", "6.1"]).unwrap_err().to_string().contains("mips"));
        assert!(parsed(&["--arch", "arm64", "--kernel", "6.1", "--timeout", "0"]).is_err());
    }

    #[test]
    fn programs_are_found_under_the_variable_of_their_architecture() {
        for arch in Arch::ALL {
            assert_eq!(Target::for_guest(arch).bin_dir_variable(), arch.bin_dir_variable());
        }
    }
}
