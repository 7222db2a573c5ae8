//! `kernel_code` in a guest: modules and BPF programs of others are reported, and the loader killed when policy says so; looking at
//! what is loaded is left alone.

use crate::deed::{NO_LSM, caught, ended, has, quiet, refused};
use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// `edge_wire::Act::VOLATILE`.
const VOLATILE: u64 = 1 << 4;
/// `edge_wire::Act::UNSIGNED`.
const UNSIGNED: u64 = 1 << 5;
/// The detector's name.
const NAME: &str = "kernel_code";

/// A module from memory, one from a file, a socket filter.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    caught(scene, NAME, "kernel_code.init_module", "module")?;
    // What begins like a module and has no signature at its end; in /tmp it comes from where nothing is installed as well.
    for (dir, flags, severity) in [("/data", UNSIGNED, "High"), ("/tmp", UNSIGNED | VOLATILE, "Critical")] {
        let act = format!("kernel_code.finit_module --dir {dir} --stay-ms 500");
        let (_, verdict) = caught(scene, NAME, &act, "module")?;
        has(&verdict, "flags", flags)?;
        let (object, found) = (said::evidence_text(&verdict, "object"), verdict.at("/severity").as_str());
        if object != Some(&*format!("{dir}/edge-garbage.ko")) || found != Some(severity) {
            return Err(format!("{act} was reported as {}", verdict.json).into());
        }
    }
    let (_, verdict) = caught(scene, NAME, "kernel_code.bpf_load", "bpf_program")?;
    // BPF_PROG_TYPE_SOCKET_FILTER.
    has(&verdict, "value", 1)?;
    Ok(None)
}

/// Lists and look-ups.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    quiet(scene, &["kernel_code.benign_list", "kernel_code.benign_bpf_lookup"])?;
    Ok(None)
}

/// Under enforce the loader ends.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) = caught(scene, NAME, "kernel_code.init_module", "module")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("the loader went on".into());
    }
    scene.emulate("act kernel_code.benign_list")?;
    Ok(None)
}

/// Nothing gets into the kernel.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    for (act, reason) in [
        ("kernel_code.init_module", "module"),
        ("kernel_code.finit_module --dir /data", "module"),
        ("kernel_code.bpf_load", "bpf_program"),
    ] {
        if refused(scene, NAME, act, reason)?.is_none() {
            return Ok(Some(NO_LSM.to_owned()));
        }
    }
    Ok(None)
}
