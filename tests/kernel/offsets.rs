//! Offsets of kernel structs: from BTF, from a file, wrong on purpose; and the prototypes of hooks. What is tried with the kernel's BTF
//! hidden is tried in a mount namespace, so the guest keeps it.

use std::error::Error;

use edge_abi::hook::{HOOKS, stated};
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;
use edge_wire::DetectorId;
use serde_json::Value;

use crate::scene::{Policy, SOON, Scene, WHILE, asked_rung};

/// Puts nothing over the kernel's BTF.
const HIDE: &str = "mount --bind /dev/null /sys/kernel/btf/vmlinux";
/// An offsets file of the guest's kernel.
const FILE: &str = "/run/offsets";
/// Fewest facts that the agent compares: three files, a socket, the process and its program.
const FACTS: usize = 60;
/// Detectors whose rung needs offsets, as few as show it.
const FEW: [DetectorId; 2] = [DetectorId::FILE_TAMPER, DetectorId::VOLATILE_EXEC];

/// Whether the guest's kernel describes its types; those of 32-bit ARM do not.
fn has_btf(scene: &mut Scene) -> Result<bool, Box<dyn Error>> {
    Ok(scene.guest.run("[ -s /sys/kernel/btf/vmlinux ]", SOON)?.code == 0)
}

/// What `check` says, after `before` was done in a mount namespace of its own.
fn check(scene: &mut Scene, before: &str) -> Result<Value, Box<dyn Error>> {
    check_with(scene, before, "")
}

/// The same with nothing but `file_tamper` and `volatile_exec`, which is loaded in a third of the time.
fn check_few(scene: &mut Scene, before: &str) -> Result<Value, Box<dyn Error>> {
    let off = DetectorId::ALL.iter().filter(|detector| !FEW.contains(detector));
    let off: Vec<_> = off.map(|detector| format!("[detectors.{detector}]\nenabled = false\n")).collect();
    check_with(scene, before, &off.concat())
}

/// The same with more in the configuration.
fn check_with(scene: &mut Scene, before: &str, more: &str) -> Result<Value, Box<dyn Error>> {
    let rung = asked_rung().map(|rung| format!("rung = \"{rung}\"\n")).unwrap_or_default();
    let config = format!("[load]\noffsets = \"{FILE}\"\n{rung}{more}");
    scene.guest.write("/run/offsets.toml", config.as_bytes(), SOON)?;
    let command = format!(
        "unshare -m sh -c '{before}; edge-agent check --json --config /run/offsets.toml 2>/run/check.log'"
    );
    let output = scene.guest.run(&command, WHILE)?.output;
    Ok(serde_json::from_str(&output).map_err(|error| format!("{error}: {output}"))?)
}

/// A text among the findings.
fn text<'v>(findings: &'v Value, pointer: &str) -> &'v str {
    findings.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Rungs that detectors stand on.
fn rungs(findings: &Value) -> Vec<&str> {
    let detectors = findings.pointer("/detectors").and_then(Value::as_array);
    detectors.into_iter().flatten().map(|detector| text(detector, "/rung")).collect()
}

/// Refuses findings whose offsets are used, or on whose rungs there is one that needs them.
fn unused(findings: &Value, origin: &str, problem: &str) -> Result<(), Box<dyn Error>> {
    let said = text(findings, "/offsets/problem");
    if findings.pointer("/offsets/sane") != Some(&Value::Bool(false))
        || text(findings, "/offsets/origin") != origin
        || !said.contains(problem)
    {
        return Err(format!(
            "offsets are not refused for `{problem}`: {}",
            findings.get("offsets").unwrap_or(&Value::Null)
        )
        .into());
    }
    let upper = findings.pointer("/programs").and_then(Value::as_array).into_iter().flatten();
    let upper = upper
        .map(|program| text(program, "/hook"))
        .find(|hook| hook.contains("security_") || hook.starts_with("lsm"));
    match upper {
        Some(hook) => Err(format!("with offsets that are not used there is a program at {hook}").into()),
        None => Ok(()),
    }
}

/// The agent takes offsets from the kernel's BTF, and all it knows otherwise is what it reads through them; without BTF there are
/// none, and it says so.
pub(crate) fn offsets_hold(scene: &mut Scene) -> Outcome {
    let findings = check(scene, "rm -f /run/offsets")?;
    if !has_btf(scene)? {
        unused(&findings, "none", "has no BTF")?;
        return Ok(None);
    }
    let facts = findings.pointer("/offsets/facts").and_then(Value::as_array).cloned().unwrap_or_default();
    let sane = findings.pointer("/offsets/sane") == Some(&Value::Bool(true));
    if !sane || text(&findings, "/offsets/origin") != "btf" || facts.len() < FACTS {
        return Err(
            format!("offsets do not hold: {}", findings.get("offsets").unwrap_or(&Value::Null)).into()
        );
    }
    let peak = findings.pointer("/loader_peak_kib").and_then(Value::as_u64).unwrap_or(0);
    Ok(Some(format!("{} facts, loader's peak {peak} KiB", facts.len())))
}

/// Without BTF an offsets file serves as well; one of another kernel, a damaged or a truncated one is refused with the reason.
pub(crate) fn file_serves(scene: &mut Scene) -> Outcome {
    if !has_btf(scene)? {
        return Ok(None);
    }
    scene.run(&format!("edge-emulate offsets --out {FILE}"), SOON)?;
    let by_btf = check(scene, "true")?;
    let by_file = check(scene, HIDE)?;
    if by_file.pointer("/offsets/sane") != Some(&Value::Bool(true))
        || text(&by_file, "/offsets/origin") != "file"
    {
        return Err(
            format!("the file is not used: {}", by_file.get("offsets").unwrap_or(&Value::Null)).into()
        );
    }
    // LSM programs need BTF ids, which a file does not have: what stands on that rung falls, to kprobes where it has a stand there.
    for (with, without) in rungs(&by_btf).into_iter().zip(rungs(&by_file)) {
        if without != with && (with != "lsm" || without == "off") {
            return Err(format!("a detector stands on {with} with BTF and on {without} with the file").into());
        }
    }
    scene.run(&format!("edge-emulate offsets --out {FILE} --foreign 1"), SOON)?;
    unused(&check_few(scene, HIDE)?, "none", "is of the kernel with build id")?;
    scene.run(&format!("edge-emulate offsets --out {FILE}; truncate -s 100 {FILE}"), SOON)?;
    unused(&check_few(scene, HIDE)?, "none", "size is 100 bytes, its header says")?;
    scene.run(&format!("printf 'EDGEOFFS\\002\\000XXXXXX' >{FILE}"), SOON)?;
    unused(&check_few(scene, HIDE)?, "none", "version is 2, 1 is known")?;
    Ok(None)
}

/// With a member at a wrong place nothing stands on a rung that needs it, loudly; what the agent finds and does not find is right.
pub(crate) fn wrong_offsets_dropped(scene: &mut Scene) -> Outcome {
    if !has_btf(scene)? {
        return Ok(None);
    }
    let wrong = [
        ("inode.i_ino", "inode is"),
        ("super_block.s_dev", "device is"),
        ("dentry.d_name.name", "name: text is"),
        ("task_struct.comm", "process: name is"),
        ("iattr.ia_size", "attributes: size is 16 and 24 was read"),
    ];
    for (member, problem) in wrong {
        scene.run(&format!("edge-emulate offsets --out {FILE} --wrong {member}"), SOON)?;
        unused(&check_few(scene, HIDE)?, "file", problem)?;
    }
    scene.run(&format!("edge-emulate offsets --out {FILE} --wrong inode.i_ino"), SOON)?;
    scene.agent_with(Policy::Observe, &format!("[load]\noffsets = \"{FILE}\"\n"), HIDE)?;
    let outcome = without_offsets(scene);
    scene.stop_agent()?;
    outcome
}

/// That the running agent, which was given wrong offsets, says so and does its work without any.
fn without_offsets(scene: &mut Scene) -> Outcome {
    let log = scene.run("cat /run/agent.log", SOON)?;
    if !log.contains("offsets are wrong") {
        return Err(format!("the log does not tell that offsets are wrong: {log}").into());
    }
    let mark = scene.watch.mark();
    let dir = scene.victims(60)?;
    let attack = scene.emulate(&format!("ransom --dir {dir}"))?;
    let verdict = scene.verdict_on(mark, "file_tamper", &attack)?;
    // Handlers of syscalls are probed without any offset.
    let rung = text(&verdict.json, "/unmapped/rung").to_owned();
    if rung == "lsm" {
        return Err(format!("file_tamper stands on {rung} with wrong offsets").into());
    }
    let mark = scene.watch.mark();
    scene.emulate(&format!("package-upgrade --dir {dir} --files 200"))?;
    // The attack is told once more when it has done twice as much.
    let other = |line: &Line| said::is_verdict(line) && said::pid(line) != Some(attack.pid);
    scene.unseen(mark, other).map_err(|error| format!("ordinary work became a finding: {error}"))?;
    Ok(Some(rung))
}

/// The prototypes that the object sensors rely on are those of this kernel.
pub(crate) fn prototypes_hold(scene: &mut Scene) -> Outcome {
    if !has_btf(scene)? {
        let findings = check(scene, "rm -f /run/offsets")?;
        let stands = rungs(&findings);
        if stands.iter().any(|rung| matches!(*rung, "lsm" | "kprobe")) {
            return Err(format!("without BTF detectors stand on {stands:?}").into());
        }
        return Ok(None);
    }
    let release = scene.run("uname -r", SOON)?;
    let mut numbers = release.split(['.', '-']).filter_map(|part| part.parse().ok());
    let version = numbers.next().zip(numbers.next()).ok_or_else(|| format!("no version in {release}"))?;
    let functions = HOOKS.iter().flat_map(|hook| {
        [(format!("bpf_lsm_{}", hook.name), hook.lsm), (hook.function.to_owned(), hook.of_kprobe())]
    });
    let functions: Vec<_> = functions.collect();
    let names: Vec<&str> = functions.iter().map(|(name, _)| name.as_str()).collect();
    let said = scene.run(&format!("edge-emulate prototypes --functions {}", names.join(",")), SOON)?;
    let mut wrong = Vec::new();
    for (name, prototypes) in &functions {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        let is = line.ok_or_else(|| format!("nothing is said of {name}: {said}"))?;
        let stated = Some(stated(prototypes, version)).filter(|text| !text.is_empty()).unwrap_or("none");
        if is != stated {
            wrong.push(format!("{name} is {is}, stated is {stated}"));
        }
    }
    if wrong.is_empty() {
        Ok(Some(format!("{} functions", functions.len())))
    } else {
        Err(wrong.join("\n").into())
    }
}
