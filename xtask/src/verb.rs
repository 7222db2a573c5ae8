//! The table of verbs: one row per verb, from which both the dispatch and the help text are made.

use crate::workspace::Workspace;
use crate::{bench, build, cross, demo, dist, ebpf, kernels, lint, setup, size, test, vm, yocto};
use anyhow::{Result, bail};
use lexopt::Arg;
use std::fmt::Write as _;

/// One development verb.
struct Verb {
    /// What is typed after `cargo xtask`.
    name: &'static str,
    /// Its arguments as shown in the help.
    usage: &'static str,
    /// One line: what it does. Also printed when the verb starts.
    summary: &'static str,
    /// Reads the remaining arguments and does the work.
    run: fn(&Workspace, lexopt::Parser) -> Result<()>,
}

/// All verbs, in the order a newcomer meets them.
const VERBS: &[Verb] = &[
    Verb {
        name: "setup",
        usage: "[--for VERB] [--explain]",
        summary: "install what the other verbs need",
        run: setup::run,
    },
    Verb {
        name: "ebpf",
        usage: "[--check]",
        summary: "build the eBPF object that is committed in edge-ebpf/dist",
        run: ebpf::run,
    },
    Verb {
        name: "build",
        usage: "--target host|aarch64|armv7 [--bin NAME|all] [--profile NAME]",
        summary: "build the programs; static for the ARM targets",
        run: build::run,
    },
    Verb {
        name: "test",
        usage: "[GROUP ...] [--arch A] [--kernel K] [--detector D] [--rung R]",
        summary: "run the tests and sum their results",
        run: test::run,
    },
    Verb {
        name: "vm",
        usage: "--arch arm64|armhf --kernel 5.10|6.1|6.12|7.2 [--timeout SECONDS] [--icount] [-- COMMAND]",
        summary: "boot a guest and run a command in it, or talk to its shell",
        run: vm::run,
    },
    Verb {
        name: "kernels",
        usage: "",
        summary: "write what the guests of the last tests reported into docs/kernels.md",
        run: kernels::run,
    },
    Verb {
        name: "demo",
        usage: "[ARG ...]",
        summary: "stop a harmless ransomware emulation on this machine and report it",
        run: demo::run,
    },
    Verb {
        name: "size",
        usage: "",
        summary: "measure the ARM programs and the eBPF object against their budgets",
        run: size::run,
    },
    Verb {
        name: "bench",
        usage: "cost [--arch A] [--kernel K] [--rung R] [--each] [--boots N] [--rounds N] [--write] [--check]",
        summary: "count the instructions of operations: alone, under the agent, under auditd",
        run: bench::run,
    },
    Verb {
        name: "yocto",
        usage: "[--rev COMMIT] [--check]",
        summary: "write what of the layer yocto/meta-edge-agent follows from the sources that it fetches",
        run: yocto::run,
    },
    Verb {
        name: "dist",
        usage: "[--out DIR] [--sources]",
        summary: "make the files of a release from the commit: sources, tree for Buildroot, programs, records",
        run: dist::run,
    },
    Verb {
        name: "cross",
        usage: "[--target aarch64|armv7] [--images]",
        summary: "run the Dockerfiles in cross/ without a container engine, then build and test in there",
        run: cross::run,
    },
    Verb {
        name: "lint",
        usage: "",
        summary: "check format, lints, oldest compiler, file sizes and stray names",
        run: lint::run,
    },
];

/// Runs the verb that the arguments name.
///
/// # Errors
/// An unknown verb, or whatever the verb reports.
pub(crate) fn dispatch(mut args: lexopt::Parser) -> Result<()> {
    let name = match args.next()? {
        Some(Arg::Value(name)) => name.to_string_lossy().into_owned(),
        None | Some(Arg::Long("help") | Arg::Short('h')) => "help".to_owned(),
        Some(other) => return Err(other.unexpected().into()),
    };
    if name == "help" {
        print!("{}", help());
        return Ok(());
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        bail!("unknown verb `{name}`; the verbs are {}", names());
    };
    println!("{}: {}", verb.name, verb.summary);
    (verb.run)(&Workspace::locate()?, args)
}

/// The names of all verbs, separated by commas.
pub(crate) fn names() -> String {
    VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(", ")
}

/// The text of `cargo xtask help`.
fn help() -> String {
    let mut text = String::from("usage: cargo xtask VERB [ARGUMENTS]\n\n");
    for verb in VERBS {
        let _ = writeln!(text, "  {} {}\n      {}", verb.name, verb.usage, verb.summary);
    }
    text.push_str("\ntest groups:\n");
    text.push_str(&test::describe_groups());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_in_the_help() {
        let text = help();
        for verb in VERBS {
            assert_eq!(VERBS.iter().filter(|other| other.name == verb.name).count(), 1, "{}", verb.name);
            assert!(text.contains(verb.summary));
        }
    }

    #[test]
    fn an_unknown_verb_is_refused_with_the_list() {
        let error = dispatch(lexopt::Parser::from_args(["bulid"])).unwrap_err().to_string();
        assert!(error.contains("`bulid`") && error.contains("setup, ebpf, build"), "{error}");
    }
}
