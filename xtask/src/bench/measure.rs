//! Boots the guests of one kernel, case by case, and measures every operation in each.

use super::case::{self, Case, Enabled};
use super::profile;
use super::request::Request;
use super::results::{CaseResult, Cost, Detector, GuestResult, OPERATIONS};
use anyhow::{Context, Result, bail, ensure};
use edge_tests::vm::{Arch, Guest, GuestBuilder, Kernel, PackageFiles};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// How long one command may take, by the host's clock: counting instructions is slow, and others use the machine too.
const LIMIT: Duration = Duration::from_secs(900);
/// Where the agent's configuration lies in a guest.
const CONFIGURATION: &str = "/etc/edge-agent/edge-agent.toml";
/// The smallest program there is, which `fork_exec` executes. Written before the agent starts: it is part of the image.
const TINY: &str = "/usr/bin/edge-tiny";
/// Where auditd's rules lie in a guest.
const RULES: &str = "/etc/audit/bench.rules";

/// What is measured on one kernel.
pub(super) struct Bench<'a> {
    /// The architecture.
    pub(super) arch: Arch,
    /// The kernel.
    pub(super) kernel: Kernel,
    /// auditd, unpacked.
    pub(super) auditd: PackageFiles,
    /// The programs that go into the guest.
    pub(super) programs: Vec<PathBuf>,
    /// The agent's size.
    pub(super) agent_bytes: u64,
    /// What was asked for.
    pub(super) request: &'a Request,
}

impl Bench<'_> {
    /// Measures all cases.
    pub(super) fn run(&self) -> Result<GuestResult> {
        let files = edge_tests::vm::fetch_kernels(&[(self.arch, self.kernel)], &mut |_| ())?;
        let resolved = files.first().map(|files| files.resolved.as_str()).unwrap_or_default();
        let version = resolved.lines().find_map(|line| line.strip_prefix("version "));
        let mut cases = Vec::new();
        for case in Case::standard(self.arch, &self.request.rungs) {
            cases.push(self.repeat(&case, &[])?);
        }
        if self.request.each {
            let agent = cases.iter().find(|case| case.judged).context("no case has the whole agent")?;
            let detectors: Vec<_> = agent.detectors.iter().map(|detector| detector.name.clone()).collect();
            for rung in &self.request.rungs {
                let whole = Case::Agent { rung: *rung, enabled: Enabled::Default, jit: true };
                let mut counted = self.boot(&whole, &[], true)?;
                counted.name.push_str(", programs counted");
                counted.judged = false;
                cases.push(counted);
                for case in Case::parts(*rung, &detectors) {
                    cases.push(self.boot(&case, &detectors, false)?);
                }
            }
        }
        Ok(GuestResult {
            arch: self.arch.to_string(),
            kernel: self.kernel.to_string(),
            version: version.unwrap_or("(unknown)").to_owned(),
            auditd: self.auditd.resolved.trim_start_matches("auditd ").to_owned(),
            boots: self.request.boots,
            agent_bytes: self.agent_bytes,
            cases,
        })
    }

    /// Measures one case in as many boots as were asked for.
    fn repeat(&self, case: &Case, detectors: &[String]) -> Result<CaseResult> {
        let mut sum: Option<CaseResult> = None;
        for boot in 1..=self.request.boots {
            let what = format!("Linux {} {}, {}, boot {boot}", self.kernel, self.arch, case.name());
            let result = self.boot(case, detectors, false).with_context(|| what.clone())?;
            let medians: Vec<_> = result
                .operations
                .iter()
                .map(|cost| format!("{} {}", cost.operation, cost.median()))
                .collect();
            println!("{what}: {}", medians.join(", "));
            match &mut sum {
                Some(sum) => sum.merge(result),
                None => sum = Some(result),
            }
        }
        sum.context("no boot was asked for")
    }

    /// Boots a guest, starts what the case has, and measures every operation; when `profiled`, each BPF program as well,
    /// which makes every run of one some dozens of instructions longer.
    fn boot(&self, case: &Case, detectors: &[String], profiled: bool) -> Result<CaseResult> {
        let mut builder = GuestBuilder::new(self.arch, self.kernel).icount();
        for word in case.boot_words() {
            builder = builder.boot_word(word);
        }
        for program in &self.programs {
            builder = builder.program(program)?;
        }
        if *case == Case::Auditd {
            builder = builder.package(&self.auditd)?.content(RULES, 0o640, case::rules(self.arch));
        }
        builder = builder.content(CONFIGURATION, 0o600, case.configuration(detectors));
        let mut guest = builder.boot()?;
        succeed(&mut guest, &format!("edge-emulate tiny --file {TINY}"))?;
        // Until then the kernel is still busy with its own start.
        succeed(&mut guest, "sleep 20")?;
        succeed(&mut guest, &format!("set -e\n{}", case.preparation()))?;
        let mut result = CaseResult { name: case.name(), judged: case.is_judged(), ..CaseResult::default() };
        match case {
            Case::Nothing => {}
            Case::Agent { enabled, .. } => start_agent(&mut guest, enabled, &mut result)?,
            Case::Auditd => start_auditd(&mut guest)?,
        }
        if profiled {
            succeed(&mut guest, "sysctl -q -w kernel.bpf_stats_enabled=1")?;
        }
        let rounds = case.rounds(self.request.rounds);
        for (operation, count) in OPERATIONS {
            let before = if profiled { profile::counts(&mut guest)? } else { Vec::new() };
            result.operations.push(measure(&mut guest, operation, (count, count * case.stretch()), rounds)?);
            if profiled {
                let after = profile::counts(&mut guest)?;
                // The warm-up makes programs run as well.
                let repeats = u64::from(count) * u64::from(rounds + 1);
                result.programs.extend(profile::between(operation, repeats, &before, &after));
            }
        }
        if *case != Case::Nothing {
            let status = succeed(&mut guest, "cat /proc/$(cat /run/bench.pid)/status")?;
            result.rss_kib = Some(number(&status, "VmRSS:")?);
            result.peak_kib = Some(number(&status, "VmHWM:")?);
        }
        if *case == Case::Auditd {
            result.lost = Some(number(&succeed(&mut guest, "/sbin/auditctl -s")?, "lost")?);
        }
        Ok(result)
    }
}

/// Starts the agent, and asks it first what it reaches on this kernel.
fn start_agent(guest: &mut Guest, enabled: &Enabled, result: &mut CaseResult) -> Result<()> {
    let text = succeed(guest, "edge-agent check --json 2>/dev/null")?;
    let check: Value = serde_json::from_str(&text).with_context(|| format!("check says `{text}`"))?;
    let list = |key: &str| check.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let word =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for detector in list("detectors") {
        result.detectors.push(Detector { name: word(&detector, "name"), rung: word(&detector, "rung") });
    }
    ensure!(!result.detectors.is_empty(), "check names no detector: {text}");
    result.every_syscall = list("programs")
        .iter()
        .any(|program| word(program, "hook").contains("sys_enter") && word(program, "state") == "attached");
    let start = "edge-agent run 2>/run/bench.log & echo $! >/run/bench.pid; sleep 20; \
                 kill -0 $(cat /run/bench.pid) || { cat /run/bench.log; exit 1; }";
    match (succeed(guest, start), enabled) {
        (Err(error), Enabled::None) => {
            Err(error.context("an agent with every detector off does not run here"))
        }
        (done, _) => done.map(drop),
    }
}

/// Starts auditd and loads its rules.
fn start_auditd(guest: &mut Guest) -> Result<()> {
    let start = "set -e; mkdir -p /var/log/audit; chmod 700 /var/log/audit; /sbin/auditd; sleep 2; \
                 cat /run/auditd.pid >/run/bench.pid; sleep 1";
    succeed(guest, start)?;
    let said = succeed(guest, &format!("/sbin/auditctl -R {RULES}"))?;
    let loaded = succeed(guest, "/sbin/auditctl -l")?;
    let wanted = succeed(guest, &format!("grep -c '^-[aw]' {RULES}"))?;
    if loaded.lines().count().to_string() != wanted.trim() {
        bail!("auditd took {} rules of {}: {said}", loaded.lines().count(), wanted.trim());
    }
    succeed(guest, "sleep 20").map(drop)
}

/// Measures one operation, and lets what it left behind settle.
fn measure(guest: &mut Guest, operation: &str, (warm_up, count): (u32, u32), rounds: u32) -> Result<Cost> {
    let command = format!(
        "edge-emulate measure --operation {operation} --count {count} --rounds {rounds} --warm-up {warm_up} \
         --dir /data/bench --program {TINY} && sleep 5"
    );
    let output = succeed(guest, &command)?;
    let last = output.lines().rfind(|line| line.contains("end_ns")).unwrap_or_default();
    let report: Value = serde_json::from_str(last).with_context(|| format!("`measure` says `{output}`"))?;
    let mut taken = Vec::new();
    for round in 1..=rounds {
        let ns = report.get(format!("round_{round}_ns")).and_then(Value::as_u64);
        let ns = ns.with_context(|| format!("`measure` tells no round {round}: {last}"))?;
        taken.push((ns + u64::from(count) / 2) / u64::from(count.max(1)));
    }
    Ok(Cost { operation: operation.to_owned(), rounds: taken })
}

/// Runs a command that must succeed.
pub(super) fn succeed(guest: &mut Guest, command: &str) -> Result<String> {
    let done = guest.run(command, LIMIT)?;
    ensure!(done.code == 0, "`{command}` ended with {}: {}", done.code, done.output);
    Ok(done.output)
}

/// The number after a word at the beginning of a line.
fn number(text: &str, word: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word));
    let number = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.with_context(|| format!("no number after `{word}` in: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_after_their_word() {
        let status = "Name:\tedge-agent\nVmHWM:\t    1200 kB\nVmRSS:\t     980 kB\n";
        assert_eq!(number(status, "VmRSS:").unwrap(), 980);
        assert_eq!(number("enabled 1\nlost 7\n", "lost").unwrap(), 7);
        assert!(number(status, "VmSwap:").is_err());
    }
}
