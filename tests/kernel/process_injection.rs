//! `process_injection` in a guest: every way into another process's memory is reported with its target, and stopped when policy says
//! so; reading, and a child that asks to be traced, are left alone.

use crate::deed::{NO_LSM, caught, ended, has, quiet, refused};
use crate::scene::{Policy, Scene};
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "process_injection";

/// By ptrace, by a system call of its own, by /proc.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for (act, reason) in [
        ("ptrace_attach", "ptrace"),
        ("ptrace_poke", "ptrace"),
        ("vm_writev", "remote_write"),
        ("proc_mem", "proc_mem"),
    ] {
        let (emulation, verdict) = caught(scene, NAME, &format!("process_injection.{act}"), reason)?;
        has(&verdict, "target", emulation.count("target")?)?;
    }
    Ok(None)
}

/// What debuggers do with programs of their own, and reading.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["process_injection.benign_vm_readv", "process_injection.benign_traceme"])?;
    Ok(None)
}

/// Under enforce the intruder ends.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "process_injection.proc_mem", "proc_mem")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("it went on".into());
    }
    Ok(None)
}

/// The first step into another process is refused; reading its memory is not.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    for (act, reason) in [
        ("process_injection.ptrace_attach", "ptrace"),
        ("process_injection.vm_writev", "remote_write"),
    ] {
        if refused(scene, NAME, act, reason)?.is_none() {
            return Ok(Some(NO_LSM.to_owned()));
        }
    }
    Ok(None)
}
