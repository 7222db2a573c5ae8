//! The groups of tests and how each is run.

use super::matrix::Choice;
use super::tally::{Reader, Tally};
use crate::build::{self, PROGRAMS, Program, Target, WITH_TLS};
use crate::setup::{self, Need};
use crate::workspace::Workspace;
use crate::{ebpf, kernels, process};
use anyhow::{Result, ensure};
use std::process::Command;

/// A group of tests.
pub(super) struct Group {
    /// What is typed after `cargo xtask test`.
    pub(super) name: &'static str,
    /// What it proves.
    pub(super) summary: &'static str,
    /// What must be installed for it.
    needs: &'static [Need],
    /// What its tests run our programs on; they are built first and found through variables.
    programs: &'static [Target],
    /// Runs it.
    run: fn(&mut Session<'_>) -> Result<()>,
}

/// All groups, the quick ones first.
pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "unit",
        summary: "every crate by itself, and the committed eBPF object is current",
        needs: &[],
        programs: &[],
        run: unit,
    },
    Group {
        name: "wire",
        summary: "what subscribers read, also by the Python example",
        needs: &[Need::Python],
        programs: &[],
        run: wire,
    },
    Group {
        name: "broker",
        summary: "publishing and subscribing through a real Mosquitto",
        needs: &[Need::Broker],
        programs: &[Target::Host],
        run: broker,
    },
    Group {
        name: "pipeline",
        summary: "kernel event to decoded verdict on this machine",
        needs: &[Need::Broker],
        programs: &[Target::Host],
        run: |session| session.cargo(&["--package", "edge-tests", "--test", "pipeline"], &[]),
    },
    Group {
        name: "guest",
        summary: "attacks, benign twins and floods on every kernel of the matrix",
        needs: &[Need::Broker, Need::Guest],
        programs: &[Target::Host, Target::Aarch64, Target::Armv7],
        run: guest,
    },
    Group {
        name: "budget",
        summary: "sizes, memory and wake-ups against SPECIFICATION.md",
        needs: &[Need::Broker, Need::Guest],
        programs: &[Target::Host, Target::Aarch64, Target::Armv7],
        run: |session| session.cargo(&["--package", "edge-tests", "--test", "budget"], &[]),
    },
    Group {
        name: "power",
        summary: "the agent that images get: its size, its memory over TLS, and that what it keeps on flash outlives the power",
        needs: &[Need::Broker, Need::Guest],
        programs: &[Target::Host],
        run: power,
    },
    Group {
        name: "image",
        summary: "root file systems of gateways: they boot with their own init, an ordinary day is quiet, attacks are not",
        needs: &[Need::Broker, Need::Guest],
        programs: &[Target::Host, Target::Aarch64, Target::Armv7],
        run: image,
    },
];

/// A run of some groups.
pub(super) struct Session<'a> {
    /// Where things are.
    pub(super) workspace: &'a Workspace,
    /// What was chosen from the guest matrix.
    pub(super) choice: &'a Choice,
    /// Folders of built programs, by variable.
    pub(super) bin_dirs: Vec<(&'static str, std::path::PathBuf)>,
    /// The sum of the group that runs.
    pub(super) tally: Tally,
}

impl Session<'_> {
    /// Installs, builds and runs what `group` needs, and sums its results in `tally`.
    ///
    /// # Errors
    /// Something that is missing or does not build; failed tests are counted instead.
    pub(super) fn run(&mut self, group: &Group) -> Result<()> {
        self.tally = Tally::default();
        setup::ensure(self.workspace, "test", group.needs)?;
        if group.needs.contains(&Need::Guest) {
            setup::fetch_kernels(&self.choice.guests())?;
        }
        for target in group.programs {
            // Guests of 64 bits run the emulations of 32 bits as well.
            let emulations_only = !self.choice.needs(*target);
            if emulations_only && *target != Target::Armv7 {
                continue;
            }
            let variable = target.bin_dir_variable();
            if self.bin_dirs.iter().any(|(name, _)| *name == variable) {
                continue;
            }
            // The subscriber runs on the host; in a guest it would only cost the building of a broker for ARM.
            let here = |program: &&Program| match program.name {
                "edge-watch" => *target == Target::Host,
                "edge-emulate" => true,
                _ => !emulations_only,
            };
            let programs: Vec<_> = PROGRAMS.iter().filter(here).collect();
            build::programs_for(self.workspace, *target, &programs, target.profile())?;
            self.bin_dirs.push((variable, build::output_dir(self.workspace, *target, target.profile())));
        }
        (group.run)(self)
    }

    /// Runs `cargo test` with `arguments`, and `harness` arguments for the test program.
    fn cargo(&mut self, arguments: &[&str], harness: &[String]) -> Result<()> {
        let mut cargo = process::cargo();
        cargo.args(["test", "--no-fail-fast"]).args(arguments);
        if !harness.is_empty() {
            cargo.arg("--").args(harness);
        }
        self.count(&mut cargo)
    }

    /// Runs `command` and adds the results it prints.
    fn count(&mut self, command: &mut Command) -> Result<()> {
        for (name, dir) in &self.bin_dirs {
            command.env(name, dir);
        }
        if let Some(rung) = &self.choice.rung {
            command.env("EDGE_RUNG", rung);
        }
        // Tests that start a Python program find the pinned packages.
        command.env("PATH", process::path_with(&self.workspace.venv().join("bin"))?);
        // What guests report about themselves, for `cargo xtask kernels`.
        command.env("EDGE_RESULTS_DIR", kernels::results(self.workspace));
        command.env("EDGE_CACHE", &self.workspace.cache).current_dir(&self.workspace.root);
        let mut reader = Reader::default();
        let status = process::stream(command, |line| reader.line(line))?;
        self.tally.add(reader.finish(status.success()));
        Ok(())
    }

    /// Counts one check that is no test program.
    fn check(&mut self, name: &str, result: Result<()>) {
        match result {
            Ok(()) => {
                println!("check {name} ... ok");
                self.tally.passed += 1;
            }
            Err(error) => {
                println!("check {name} ... FAILED: {error:#}");
                self.tally.failed += 1;
            }
        }
    }
}

/// Libraries, programs and documentation examples; edge-wire has a group of its own, and of edge-ebpf only the pure
/// logic runs here.
fn unit(session: &mut Session<'_>) -> Result<()> {
    let rest = ["--workspace", "--exclude", "edge-ebpf", "--exclude", "edge-wire"];
    session.cargo(&[&rest[..], &["--lib", "--bins"]].concat(), &[])?;
    // Once more what is there in both builds, since a part of it differs.
    session.cargo(&["--package", "edge-agent", "--features", "tls,spool", "--lib"], &[])?;
    session.cargo(&[&rest[..], &["--doc"]].concat(), &[])?;
    session.cargo(&["--package", "edge-ebpf", "--lib"], &[])?;
    session.cargo(&["--package", "edge-btf", "--test", "*"], &[])?;
    session.cargo(&["--package", "edge-manifest", "--test", "*"], &[])?;
    let fresh = ebpf::freshness(session.workspace);
    session.check("the committed eBPF object is current", fresh);
    Ok(())
}

/// edge-wire with its golden vectors, and the Python subscriber that was written from SCHEMA.md.
fn wire(session: &mut Session<'_>) -> Result<()> {
    session.cargo(&["--package", "edge-wire"], &[])?;
    let mut python = process::command(session.workspace.venv().join("bin/python3"));
    // unittest reports on standard error; the sum is read from standard output.
    let report = "import sys, unittest; \
                  unittest.main(module=None, argv=['unittest', 'discover', '-v', '-s', 'docs/examples'], \
                  testRunner=unittest.TextTestRunner(stream=sys.stdout, verbosity=2))";
    let before = session.tally;
    session.count(python.args(["-B", "-c", report]))?;
    ensure!(session.tally != before, "docs/examples holds no Python test");
    Ok(())
}

/// Integration tests of the two programs, then those that run both against the broker.
fn broker(session: &mut Session<'_>) -> Result<()> {
    // The agent's with TLS: what goes over the plain link is the same, and what is encrypted is there only then.
    session.cargo(&["--package", "edge-agent", "--features", "tls,spool", "--test", "*"], &[])?;
    session.cargo(&["--package", "edge-watch", "--test", "*"], &[])?;
    session.cargo(&["--package", "edge-tests", "--test", "broker"], &[])
}

/// The guest matrix.
fn guest(session: &mut Session<'_>) -> Result<()> {
    let arguments = session.choice.arguments();
    session.cargo(&["--package", "edge-tests", "--test", "kernel"], &arguments)
}

/// Builds the agent that images get, with everything in it, and cuts its power.
fn power(session: &mut Session<'_>) -> Result<()> {
    for target in [Target::Aarch64, Target::Armv7] {
        for built in build::programs_for(session.workspace, target, &[&WITH_TLS], target.profile())? {
            let limit = built.program.budget.unwrap_or(u64::MAX);
            let fits = || {
                ensure!(built.bytes <= limit, "{} bytes exceed {limit}", built.bytes);
                Ok(())
            };
            let name = format!("{} has {} bytes, {limit} at most", built.path.display(), built.bytes);
            session.check(&name, fits());
        }
        let directory = build::output_dir(session.workspace, target, target.profile());
        session.bin_dirs.push((target.bin_dir_variable(), directory));
    }
    session.cargo(&["--package", "edge-tests", "--test", "power"], &[])
}

/// Root file systems, made of packages that are fetched first.
fn image(session: &mut Session<'_>) -> Result<()> {
    setup::fetch_images()?;
    session.cargo(&["--package", "edge-tests", "--test", "image"], &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session<'a>(workspace: &'a Workspace, choice: &'a Choice) -> Session<'a> {
        Session {
            workspace,
            choice,
            bin_dirs: vec![("EDGE_BIN_DIR_HOST", "/bins".into())],
            tally: Tally::default(),
        }
    }

    #[test]
    fn results_are_counted_and_programs_are_found_by_variable() {
        let workspace = Workspace { root: "/".into(), target: "/t".into(), cache: "/c".into() };
        let choice = Choice::default();
        let mut session = session(&workspace, &choice);
        let script =
            "test \"$EDGE_BIN_DIR_HOST\" = /bins && echo 'test result: ok. 2 passed; 0 failed; 0 ignored'";
        session.count(process::command("sh").args(["-c", script])).unwrap();
        assert_eq!(session.tally, Tally { passed: 2, failed: 0 });
        session.check("something", Err(anyhow::anyhow!("stale")));
        assert_eq!(session.tally, Tally { passed: 2, failed: 1 });
    }
}
