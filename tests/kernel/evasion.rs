//! Ways around the sensors: each is caught where the rung claims to hold, and asserted to be missed where it does not, so that
//! `docs/detectors/coverage.md` cannot say more, or less, than is true.

use std::error::Error;

use crate::deed::ended;
use crate::emulation::Emulation;
use crate::flood::{State, account};
use crate::scene::{NARROW, Policy, SOON, Scene, WHILE};
use edge_tests::said;
use edge_tests::subscriber::Line;
use edge_tests::trials::Outcome;

/// Files that one process may harm before the agent acts: the default of `detectors.file_tamper.threshold`.
const FILES: u64 = 30;
/// The same for all processes of an origin: twice as many.
const ORIGIN_FILES: u64 = 60;
/// Processes in the storm that is to push an older one out of the kernel's table, which holds 512.
const STORM: u32 = 2_000;

/// Programs in the flood that an attack hides in, and in guests where floods do not run in full.
const STARTS: [u64; 2] = [1_500, 800];

/// What a 32-bit program does on a 64-bit kernel, by the detector and the reason that must answer.
const NARROW_ACTS: &[(&str, &str, &str)] = &[
    ("credential_access", "credential_access.absolute --path /etc/shadow", "password_file"),
    ("persistence", "persistence.append --path /etc/crontab", "cron"),
    ("sysctl_tamper", "sysctl_tamper.kptr_restrict", "sole"),
    ("device_tamper", "device_tamper.write_open --path /dev/mem", "memory_device"),
    ("impair_defenses", "impair_defenses.truncate_log --path /var/log/messages", "log_cleared"),
    ("privilege_jump", "privilege_jump.chmod --dir /data", "setuid_file"),
    ("kernel_code", "kernel_code.init_module", "module"),
    ("process_injection", "process_injection.vm_writev", "remote_write"),
    ("namespace_escape", "namespace_escape.pivot_root", "pivot_root"),
    ("raw_socket", "raw_socket.packet", "packet"),
    ("net_tamper", "net_tamper.route_delete_here", "route_removed"),
    ("uring_use", "uring_use.nop", "sole"),
    ("masquerade", "masquerade.kworker", "kernel_name"),
    ("bus_flood", "bus_flood.tty --count 3000", "sole"),
    ("flood_out", "flood_out.udp --count 6000", "packets"),
];

/// A 32-bit program is seen by every detector: its calls have other numbers and other structures, and no tracepoint of their own.
pub(crate) fn compat_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mut missed = Vec::new();
    for (detector, act, reason) in NARROW_ACTS {
        let mark = scene.watch.mark();
        let done = scene.emulate_by(NARROW, &format!("act {act}"))?;
        // Some acts are done by a child of it.
        let actors = [done.pid, done.count("actor").unwrap_or(done.pid)];
        let wanted = |line: &Line| {
            said::is_verdict_of(line, detector)
                && said::evidence_text(line, "reason") == Some(reason)
                && said::pid(line).is_some_and(|pid| actors.contains(&pid))
        };
        if let Err(error) = scene.verdict_that(mark, &format!("{detector} {reason}"), wanted) {
            missed.push(format!("{act}: {error}"));
        }
    }
    scene.run("ip route replace default via 10.0.2.2", SOON)?;
    let dir = scene.victims(FILES as u32 + 10)?;
    let mark = scene.watch.mark();
    let done = scene.emulate_by(NARROW, &format!("ransom --dir {dir}"))?;
    let verdict = scene.verdict_on(mark, "file_tamper", &done)?;
    if said::evidence(&verdict, "files")? != FILES {
        missed.push(format!("ransom was told as {}", verdict.json));
    }
    let mark = scene.watch.mark();
    let done = scene.emulate_by(NARROW, "scan --net 127.0.32.0 --port 23 --hosts 30")?;
    scene.verdict_on(mark, "lateral_scan", &done)?;
    let mark = scene.watch.mark();
    scene.run(&format!("cp {NARROW} /tmp/narrow && /tmp/narrow --help; rm /tmp/narrow"), SOON)?;
    scene.verdict(mark, "volatile_exec")?;
    if missed.is_empty() {
        return Ok(Some(format!("{} detectors", NARROW_ACTS.len() + 3)));
    }
    Err(missed.join("; ").into())
}

/// Under enforce, a 32-bit program is stopped after exactly as many files as another, whichever of its calls it uses.
pub(crate) fn compat_kill_exact(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    for mode in ["rewrite-rename", "new-unlink", "inplace", "rename-only", "truncate"] {
        let dir = scene.victims(80)?;
        let done = scene.emulate_by(NARROW, &format!("ransom --mode {mode} --dir {dir}"))?;
        let lost = scene.emulate(&format!("count-lost --dir {dir}"))?.count("lost")?;
        if !done.was_killed() || lost != FILES {
            return Err(format!("{mode}: killed {}, lost {lost}", done.was_killed()).into());
        }
    }
    Ok(None)
}

/// Work spread over children, siblings, children that share memory and orphans is found by what they descend from; work spread over
/// threads by the process.
pub(crate) fn spread_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for act in ["fork", "clone_parent", "vfork", "double_fork"] {
        let dir = scene.victims(80)?;
        let mark = scene.watch.mark();
        scene.emulate(&format!("act file_tamper.{act} --dir {dir}"))?;
        let verdict = scene.verdict(mark, "file_tamper").map_err(|error| format!("{act}: {error}"))?;
        let files = said::evidence(&verdict, "files")?;
        if files != ORIGIN_FILES {
            return Err(format!("{act}: told at {files} files: {}", verdict.json).into());
        }
    }
    let dir = scene.victims(80)?;
    let mark = scene.watch.mark();
    let done = scene.emulate(&format!("ransom --threads 4 --dir {dir}"))?;
    let verdict = scene.verdict_on(mark, "file_tamper", &done)?;
    let files = said::evidence(&verdict, "files")?;
    if files != FILES {
        return Err(format!("threads: told at {files} files: {}", verdict.json).into());
    }
    let mark = scene.watch.mark();
    let done = scene.emulate("act lateral_scan.threads --net 127.0.33.0 --hosts 30")?;
    scene.verdict_on(mark, "lateral_scan", &done)?;
    Ok(None)
}

/// Under enforce, every child from the threshold of the origin on is killed at its first file. That ends no parent which makes a child for
/// each file: all files are lost, a documented gap.
pub(crate) fn spread_killed(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    for act in ["fork", "clone_parent", "double_fork"] {
        let dir = scene.victims(100)?;
        let mark = scene.watch.mark();
        let done = scene.emulate(&format!("act file_tamper.{act} --dir {dir}"))?;
        ended(&scene.verdict(mark, "file_tamper")?, "killed")?;
        // An orphan's death is told by its parent's exit code.
        let killed = done.count("killed").unwrap_or(0) + done.count("failed").unwrap_or(0);
        if killed != 100 - (ORIGIN_FILES - 1) {
            return Err(format!("{act}: {killed} of 100 children were killed").into());
        }
    }
    Ok(None)
}

/// Files reached by another root, by `..`, by a link to their folder and from a folder too deep for any buffer are counted all the same,
/// and so are files of which only the beginning is written, or which are written through a mapping.
pub(crate) fn detours_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for act in ["chroot", "dotdot", "symlink", "deep", "partial", "mmap"] {
        let dir = scene.victims(40)?;
        let mark = scene.watch.mark();
        scene.emulate(&format!("act file_tamper.{act} --dir {dir}"))?;
        let verdict = scene.verdict(mark, "file_tamper").map_err(|error| format!("{act}: {error}"))?;
        // Who moves a file before harming it has done something to two names, which are one file to whoever knows files.
        let two = act == "deep" && !scene.knows_files("file_tamper")?;
        let (files, names) = (said::evidence(&verdict, "files")?, if two { 2 } else { 1 });
        if files != names * FILES {
            return Err(format!("{act}: told at {files} files: {}", verdict.json).into());
        }
    }
    Ok(None)
}

/// A watched file opened by what is not its name: always seen by a rung that knows files by what they are; by text, only where the
/// agent can still follow the process.
pub(crate) fn watched_by_other_names(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("mkdir -p /data/mnt", SOON)?;
    let mut outcomes = Vec::new();
    for (act, by_text) in
        [("long", false), ("chroot", false), ("bind", false), ("hard_link", true), ("symlink", true)]
    {
        let seen = by_text || scene.knows_files("credential_access")?;
        let dir = if act == "bind" { "/data/mnt" } else { "/data" };
        let act = format!("credential_access.{act} --path /etc/shadow --dir {dir}");
        outcomes.push(told_or_missed(scene, "credential_access", &act, seen)?);
    }
    Ok(Some(outcomes.join(", ")))
}

/// A program in a volatile place started by a thread, by children of every kind, and under other names.
pub(crate) fn programs_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    scene.run("mkdir -p /data/mnt /tmp/place; cp /usr/bin/edge-emulate /tmp/place/evader", SOON)?;
    for act in ["by_thread", "by_vfork", "by_clone3"] {
        // A program of its own for each, since one that starts again is folded into its first verdict.
        let path = format!("/tmp/place/{act}");
        scene.run(&format!("cp /usr/bin/edge-emulate {path}"), SOON)?;
        let mark = scene.watch.mark();
        scene.emulate(&format!("act volatile_exec.{act} --path {path} --stay-ms 300"))?;
        let verdict = scene.verdict(mark, "volatile_exec").map_err(|error| format!("{act}: {error}"))?;
        if said::path(&verdict) != Some(&path) {
            return Err(format!("{act}: told as {}", verdict.json).into());
        }
    }
    let mut outcomes = Vec::new();
    for act in ["by_link", "by_bind"] {
        let dir = if act == "by_bind" { "/data/mnt" } else { "/data" };
        let act = format!("volatile_exec.{act} --path /tmp/place/evader --dir {dir} --stay-ms 300");
        let seen = scene.knows_files("volatile_exec")?;
        outcomes.push(told_or_missed(scene, "volatile_exec", &act, seen)?);
    }
    scene.run("rm -r /tmp/place", SOON)?;
    Ok(Some(outcomes.join(", ")))
}

/// Runs an act that a detector must tell (`seen`), or is known to miss.
fn told_or_missed(
    scene: &mut Scene,
    detector: &str,
    act: &str,
    seen: bool,
) -> Result<String, Box<dyn Error>> {
    let mark = scene.watch.mark();
    scene.emulate(&format!("act {act}"))?;
    let name = act.split(' ').next().unwrap_or(act);
    if seen {
        scene.verdict(mark, detector).map_err(|error| format!("{act}: {error}"))?;
        return Ok(format!("{name} told"));
    }
    let ours = |line: &Line| said::is_verdict_of(line, detector);
    scene.unseen(mark, ours).map_err(|error| format!("{act} is a documented gap, but was told: {error}"))?;
    Ok(format!("{name} missed"))
}

/// Whoever stays below the threshold is not told, which is a documented gap; whoever is slow, but not that slow, is told by the window of
/// its origin.
pub(crate) fn patience(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let dir = scene.victims(FILES as u32 - 1)?;
    let mark = scene.watch.mark();
    scene.emulate(&format!("ransom --dir {dir}"))?;
    scene.quiet(mark)?;
    let dir = scene.victims(ORIGIN_FILES as u32 + 2)?;
    let mark = scene.watch.mark();
    // About 14 files in the ten seconds in which a process is told at 30.
    let done = scene.emulate(&format!("act file_tamper.slow --dir {dir} --delay-ms 700"))?;
    let verdict = scene.verdict_on(mark, "file_tamper", &done)?;
    let files = said::evidence(&verdict, "files")?;
    if files != ORIGIN_FILES {
        return Err(format!("told at {files} files: {}", verdict.json).into());
    }
    let after_ms = said::event_ns(&verdict)?.saturating_sub(done.start_ns) / 1_000_000;
    Ok(Some(format!("{files} files in {after_ms} ms")))
}

/// Connections that a ring makes pass the hooks of the cgroup like all others.
pub(crate) fn ring_connects_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let mark = scene.watch.mark();
    let done = scene.emulate("act uring_use.connect --port 23 --hosts 30")?;
    scene.verdict_on(mark, "uring_use", &done)?;
    let verdict = scene.verdict(mark, "lateral_scan")?;
    Ok(Some(format!("told at {} hosts", said::evidence(&verdict, "hosts")?)))
}

/// An old process whose entry has been pushed out of the kernel's table by thousands of others is stopped as exactly as any, and the
/// verdict says what it runs.
pub(crate) fn exhausted_kill_exact(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let dir = scene.victims(80)?;
    scene.run("edge-emulate tiny --file /usr/bin/edge-tiny; rm -f /run/gate; mkfifo /run/gate", SOON)?;
    let late = background(scene, "late", &format!("ransom --dir {dir} --after /run/gate"))?;
    scene.emulate(&format!(
        "measure --operation fork_exec --count {STORM} --warm-up 0 --rounds 1 --dir /data --program /usr/bin/edge-tiny"
    ))?;
    let mark = scene.watch.mark();
    scene.run(": >/run/gate", SOON)?;
    let done = late.wait(scene)?;
    let lost = scene.emulate(&format!("count-lost --dir {dir}"))?.count("lost")?;
    if !done.was_killed() || lost != FILES {
        return Err(format!("killed {}, lost {lost}", done.was_killed()).into());
    }
    let verdict = scene.verdict_on(mark, "file_tamper", &done)?;
    ended(&verdict, "killed")?;
    Ok(Some(format!("after {STORM} processes: {}", verdict.at("/actor/process"))))
}

/// While up to fifteen hundred programs flood the ring, each found by three detectors and killed, ransomware is stopped as exactly as in silence, and its
/// verdict is delivered or counted.
pub(crate) fn flooded_kill_exact(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Image)?;
    let dir = scene.victims(80)?;
    let before = State::settled(scene)?;
    let [full, fewer] = STARTS;
    let starts = if scene.is_thorough() { full } else { fewer };
    let flood = format!("flood --count {starts} --kind exec --dir /tmp/flood --name sh --socket");
    let flood = background(scene, "flood", &flood)?;
    scene.run("sleep 2", SOON)?;
    let mark = scene.watch.mark();
    let done = scene.emulate(&format!("ransom --dir {dir}"))?;
    let during = !flood.is_over(scene)?;
    let lost = scene.emulate(&format!("count-lost --dir {dir}"))?.count("lost")?;
    if !done.was_killed() || lost != FILES || !during {
        return Err(format!("killed {}, lost {lost}, during the flood: {during}", done.was_killed()).into());
    }
    flood.wait(scene)?;
    let after = State::settled(scene)?;
    let sums = account(scene, &before, &after)?;
    let (before, after) = (before.line, after.line);
    // What one hook refuses, those behind it do not see.
    let all = ["foreign_exec", "volatile_exec", "shell_on_socket"];
    for detector in if scene.lsm { &all[..1] } else { &all[..] } {
        let found = said::findings_of(&after, detector)? - said::findings_of(&before, detector)?;
        if found < starts {
            return Err(format!("{found} findings of {detector}").into());
        }
    }
    let told = |line: &Line| said::is_verdict_of(line, "file_tamper") && said::pid(line) == Some(done.pid);
    let told = scene.watch.since(mark).iter().any(told);
    let full = said::kernel_book(&after, "ring_full")? - said::kernel_book(&before, "ring_full")?;
    let shed = said::agent_book(&after, "shed")? - said::agent_book(&before, "shed")?;
    if !told && full + shed == 0 {
        return Err("its verdict is neither delivered nor counted".into());
    }
    Ok(Some(format!("verdict {}; {sums}", if told { "delivered" } else { "counted" })))
}

/// An emulation that runs in the guest's background.
pub(crate) struct Background {
    /// What its files are called.
    name: &'static str,
}

/// Starts one.
pub(crate) fn background(
    scene: &mut Scene,
    name: &'static str,
    arguments: &str,
) -> Result<Background, Box<dyn Error>> {
    let (out, code) = (format!("/run/{name}.out"), format!("/run/{name}.code"));
    scene.run(
        &format!("rm -f {out} {code}; (edge-emulate {arguments} >{out} 2>&1; echo $? >{code}.new; mv {code}.new {code}) &"),
        SOON,
    )?;
    Ok(Background { name })
}

impl Background {
    /// Whether it has ended.
    pub(crate) fn is_over(&self, scene: &mut Scene) -> Result<bool, Box<dyn Error>> {
        Ok(scene.guest.run(&format!("[ -e /run/{}.code ]", self.name), SOON)?.code == 0)
    }

    /// Waits for its end.
    pub(crate) fn wait(&self, scene: &mut Scene) -> Result<Emulation, Box<dyn Error>> {
        let name = self.name;
        let wait = format!(
            "until [ -e /run/{name}.code ]; do usleep 100000; done; cat /run/{name}.out; exit $(cat /run/{name}.code)"
        );
        let done = scene.guest.run(&wait, WHILE)?;
        Emulation::read(&done).map_err(|problem| format!("{name}: {problem}").into())
    }
}
