//! `device_tamper` in a guest: devices that are opened for writing are reported, and the opener killed when policy says so; reading
//! them, and writing to /dev/null, is left alone.

use crate::deed::{caught, ended, quiet};
use crate::scene::{Policy, Scene};
use edge_tests::said;
use edge_tests::trials::Outcome;

/// The detector's name.
const NAME: &str = "device_tamper";

/// Flash, a disk and memory, each by its reason.
pub(crate) fn attack_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    for (act, reason) in [
        ("node --path /dev/mtd9 --node c:90:18", "flash"),
        ("node --path /dev/mmcblk9 --node b:179:72", "disk"),
        ("write_open --path /dev/mem", "memory_device"),
        ("truncate_open --path /dev/mem", "memory_device"),
    ] {
        caught(scene, NAME, &format!("device_tamper.{act}"), reason)?;
    }
    Ok(None)
}

/// Reading, and what everybody writes to.
pub(crate) fn benign_quiet(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    let read = "device_tamper.benign_node_read --path /dev/mtd8 --node c:90:16";
    quiet(scene, &["device_tamper.benign_read --path /dev/mem", read, "device_tamper.benign_null"])?;
    Ok(None)
}

/// Under deny the device is not opened, whatever its node is called, where a cgroup program can refuse; elsewhere it is reported.
pub(crate) fn deny(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Deny)?;
    let refuses = scene.judges_in_cgroups();
    let disposition = if refuses { "denied" } else { "reported" };
    let (emulation, verdict) =
        caught(scene, NAME, "device_tamper.write_open --path /dev/mem", "memory_device")?;
    ended(&verdict, disposition)?;
    // Where files are known by what they are, the path is the one within their file system.
    let named = said::path(&verdict).is_some_and(|path| path.ends_with("/mem"));
    if (emulation.count("denied")? == 1) != refuses || !named {
        return Err(format!("denied {} times: {}", emulation.count("denied")?, verdict.json).into());
    }
    if refuses {
        // A name that nobody watches: only the number of the device tells.
        let node = "device_tamper.node --path /data/plain --node b:179:72";
        let (emulation, verdict) = caught(scene, NAME, node, "disk")?;
        ended(&verdict, disposition)?;
        if emulation.count("denied")? != 1 {
            return Err("the node was opened".into());
        }
    }
    quiet(scene, &["device_tamper.benign_read --path /dev/mem", "device_tamper.benign_null"])?;
    Ok(Some(if refuses { "denied" } else { "reported: this kernel cannot" }.into()))
}

/// Under enforce the opener ends before it has written.
pub(crate) fn kill(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Enforce)?;
    let (emulation, verdict) =
        caught(scene, NAME, "device_tamper.write_open --path /dev/mem", "memory_device")?;
    ended(&verdict, "killed")?;
    if !emulation.was_killed() {
        return Err("the opener went on".into());
    }
    scene.emulate("act device_tamper.benign_null")?;
    Ok(None)
}
