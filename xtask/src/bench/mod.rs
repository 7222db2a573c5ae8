//! `bench cost`: what operations cost in guest instructions, alone, under the agent and under auditd.
//!
//! A guest's clock counts instructions (`-icount`), so that a result depends on neither the host's speed nor its load.

mod case;
mod document;
mod judge;
mod measure;
mod profile;
mod request;
mod results;
mod table;

use crate::build::{self, PROGRAMS, Target};
use crate::setup::{self, Need};
use crate::workspace::Workspace;
use anyhow::{Result, anyhow, bail, ensure};
use edge_tests::vm::Arch;
use measure::Bench;
use results::GuestResult;
use std::thread;

/// The verb.
pub(crate) fn run(workspace: &Workspace, args: lexopt::Parser) -> Result<()> {
    let request = request::parse(args)?;
    setup::ensure(workspace, "bench", &[Need::Arm, Need::Guest])?;
    setup::fetch_kernels(&request.guests)?;
    let mut benches = Vec::new();
    for &(arch, kernel) in &request.guests {
        let auditd = edge_tests::vm::fetch_package(arch, "auditd", &mut |line| println!("{line}"))?;
        let target = Target::for_guest(arch);
        let needed = |program: &&build::Program| matches!(program.name, "edge-agent" | "edge-emulate");
        let programs: Vec<_> = PROGRAMS.iter().filter(needed).collect();
        let built = build::programs_for(workspace, target, &programs, target.profile())?;
        let agent_bytes = built.iter().find(|built| built.program.name == "edge-agent");
        let agent_bytes = agent_bytes.map_or(0, |built| built.bytes);
        if let Some(over) = built.iter().find(|built| is_over_budget(built)) {
            // Seen: a `[profile.dist]` in a `.cargo/config.toml` above the tree, for faster builds; its agent takes 40 to
            // 50 % more memory.
            println!("warning: {} has {} bytes, more than its budget", over.program.name, over.bytes);
            ensure!(
                !request.write,
                "such a build is not what goes into images; its cost is not written down"
            );
        }
        let programs = built.into_iter().map(|built| built.path).collect();
        benches.push(Bench { arch, kernel, auditd, programs, agent_bytes, request: &request });
    }
    let measured = all(&benches)?;
    for guest in &measured {
        print!("\n{}", table::terminal(guest));
    }
    let judgements: Vec<_> = measured.iter().flat_map(judge::judge).collect();
    println!();
    for judgement in &judgements {
        println!("{judgement}");
    }
    if request.write {
        document::write(workspace, measured)?;
    }
    let unmet = judgements.iter().filter(|judgement| !judgement.met).count();
    if request.check && unmet > 0 {
        bail!("{unmet} of {} targets are not met", judgements.len());
    }
    Ok(())
}

/// Whether a program is larger than it may be in an image, and so perhaps built with another profile than those are.
fn is_over_budget(built: &build::Built) -> bool {
    built.program.budget.is_some_and(|budget| built.bytes > budget)
}

/// Measures the guests, one architecture beside the other: the host's load does not change what is counted.
fn all(benches: &[Bench<'_>]) -> Result<Vec<GuestResult>> {
    thread::scope(|scope| {
        let running: Vec<_> = Arch::ALL
            .into_iter()
            .map(|arch| {
                let mine = benches.iter().filter(move |bench| bench.arch == arch);
                scope.spawn(|| mine.map(Bench::run).collect::<Result<Vec<_>>>())
            })
            .collect();
        let mut results = Vec::new();
        for handle in running {
            results.extend(handle.join().map_err(|_| anyhow!("a measuring thread panicked"))??);
        }
        Ok(results)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_of_another_profile_is_noticed() {
        let program = PROGRAMS.iter().find(|program| program.name == "edge-agent").unwrap();
        let built = |bytes| build::Built { program, path: "edge-agent".into(), bytes };
        assert!(is_over_budget(&built(1_437_512)) && !is_over_budget(&built(797_112)));
    }
}
