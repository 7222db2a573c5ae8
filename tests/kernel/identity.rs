//! Watched files in a guest, on the rungs that know them by what they are: no name, link, mount, root or ring hides one, what takes a
//! watched file's place is watched as well, and the LSM rung refuses. On the tracepoint rung, which reads paths, none of this is
//! promised: its own cases stand with the detectors.

use std::error::Error;

use edge_tests::books::balance;
use edge_tests::said;
use edge_tests::trials::Outcome;

use crate::deed::{caught, caught_anyhow, ended, has_reason, quiet};
use crate::scene::{Policy, SOON, Scene};

/// The secret.
const SECRET: &str = "/etc/shadow";

/// What a case says where its rung is not reached.
const LOWER: &str = "not promised on the tracepoint rung";

/// The rung of `credential_access`, by a verdict of its own.
fn rung(scene: &mut Scene) -> Result<String, Box<dyn Error>> {
    scene.run(&format!("[ -e {SECRET} ] || echo root:x: >{SECRET}; mkdir -p /data/mount"), SOON)?;
    let verdict =
        caught_anyhow(scene, "credential_access", &format!("credential_access.absolute --path {SECRET}"))?;
    verdict.at("/unmapped/rung").as_str().map(str::to_owned).ok_or_else(|| "a verdict without a rung".into())
}

/// Every way to a secret leads to a verdict that names it.
pub(crate) fn any_way_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    if rung(scene)? == "tracepoint" {
        return Ok(Some(LOWER.into()));
    }
    for act in [
        "credential_access.relative",
        "credential_access.dotdot",
        "credential_access.symlink --dir /data",
        "credential_access.hard_link --dir /data",
        "credential_access.proc_root",
        "credential_access.dirfd",
        "credential_access.long",
        "credential_access.bind --dir /data/mount",
        "credential_access.chroot",
        "uring_use.open",
    ] {
        let verdict = caught_anyhow(scene, "credential_access", &format!("{act} --path {SECRET}"))?;
        has_reason(&verdict, "password_file").map_err(|error| format!("{act}: {error}"))?;
        if !said::path(&verdict).is_some_and(|path| path.ends_with(SECRET) || path.ends_with("/edge-alias")) {
            return Err(format!("{act}: not the file's name: {}", verdict.json).into());
        }
    }
    // Through an overlay that was mounted after the agent looked, which it knows nothing of: what is opened in its layers is looked at.
    let layers =
        "mkdir -p /data/none /data/layers; mount -t overlay overlay -o lowerdir=/data/none:/etc /data/layers";
    scene.run(layers, SOON)?;
    let verdict =
        caught_anyhow(scene, "credential_access", "credential_access.absolute --path /data/layers/shadow")?;
    has_reason(&verdict, "password_file").map_err(|error| format!("through an overlay: {error}"))?;
    scene.run("umount /data/layers", SOON)?;
    Ok(None)
}

/// A path that changes while it is looked at: every open of the secret counts, and no open of the decoy.
pub(crate) fn changing_argument_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    if rung(scene)? == "tracepoint" {
        return Ok(Some(LOWER.into()));
    }
    scene.run("echo x >/data/decoy", SOON)?;
    let before = said::kernel_book(&scene.settled_heartbeat()?, "findings")?;
    let act = format!("credential_access.flip --path {SECRET} --decoy /data/decoy --tries 10000");
    let (emulation, verdict) = caught(scene, "credential_access", &act, "password_file")?;
    if said::path(&verdict) != Some(SECRET) {
        return Err(format!("not the file that was opened: {}", verdict.json).into());
    }
    let heartbeat = scene.settled_heartbeat()?;
    balance(&heartbeat)?;
    let (found, opened) = (said::kernel_book(&heartbeat, "findings")? - before, emulation.count("opened")?);
    if found != opened {
        return Err(format!("{opened} opens of the secret, {found} findings").into());
    }
    Ok(Some(format!("{opened} of 10000 opens led to the secret, all found")))
}

/// What is renamed onto a watched name is watched from then on, whatever else it is called; and so is what did not exist before.
pub(crate) fn replaced_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    if rung(scene)? == "tracepoint" {
        return Ok(Some(LOWER.into()));
    }
    scene
        .run(&format!("cp {SECRET} /data/new && mv /data/new {SECRET} && ln {SECRET} /data/second"), SOON)?;
    caught(scene, "credential_access", "credential_access.absolute --path /data/second", "password_file")?;
    scene.run("rm -f /data/second /etc/gshadow", SOON)?;
    scene.run("echo root:: >/etc/gshadow", SOON)?;
    caught(scene, "credential_access", "credential_access.absolute --path /etc/gshadow", "password_file")?;
    let nested = "/etc/systemd/system/a.wants";
    scene.run(&format!("rm -rf /etc/systemd; mkdir -p {nested}"), SOON)?;
    caught(scene, "persistence", &format!("persistence.create --path {nested}/edge.service"), "init_script")?;
    scene.run("rm -rf /etc/systemd /etc/gshadow", SOON)?;
    Ok(None)
}

/// A device is its number, not its name.
pub(crate) fn renamed_node_caught(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Observe)?;
    if rung(scene)? == "tracepoint" {
        return Ok(Some(LOWER.into()));
    }
    for (node, reason) in [("c:90:18", "flash"), ("b:31:9", "flash"), ("b:7:9", "disk"), ("b:179:72", "disk")]
    {
        let act = format!("device_tamper.node --path /data/harmless --node {node}");
        caught(scene, "device_tamper", &act, reason)?;
    }
    quiet(scene, &["device_tamper.benign_null", "device_tamper.benign_node_read --path /data/harmless"])?;
    Ok(None)
}

/// Under a policy of deny the LSM rung refuses, and nothing changes, as a cgroup program does for devices; elsewhere the agent says that it
/// only observes.
pub(crate) fn denied(scene: &mut Scene) -> Outcome {
    scene.agent(Policy::Deny)?;
    let rung = rung(scene)?;
    scene.run("rm -f /etc/cron.d/deny /data/node; mkdir -p /etc/cron.d", SOON)?;
    for (detector, act, reason) in [
        ("persistence", "persistence.create --path /etc/cron.d/deny".to_owned(), "cron"),
        ("credential_access", format!("credential_access.absolute --path {SECRET}"), "password_file"),
        ("device_tamper", "device_tamper.node --path /data/node --node c:90:18".to_owned(), "flash"),
    ] {
        // Devices are refused by a cgroup program too.
        let refuses = rung == "lsm" || (detector == "device_tamper" && scene.judges_in_cgroups());
        let expected = if refuses { ("denied", 1) } else { ("reported", 0) };
        let (emulation, verdict) = caught(scene, detector, &act, reason)?;
        ended(&verdict, expected.0).map_err(|error| format!("{act}: {error}"))?;
        if emulation.count("denied").unwrap_or(0) != expected.1 {
            return Err(format!("{act}: not {}: {emulation:?}", expected.0).into());
        }
    }
    let made = scene.guest.run("[ -e /etc/cron.d/deny ]", SOON)?.code == 0;
    if made == (rung == "lsm") {
        return Err(format!("on rung {rung} the file was made: {made}").into());
    }
    let told = scene.guest.run("grep -q 'only rung lsm can refuse' /run/agent.log", SOON)?.code == 0;
    if told == (rung == "lsm") {
        return Err(format!("on rung {rung} the log tells that it cannot refuse: {told}").into());
    }
    scene.run("rm -f /etc/cron.d/deny", SOON)?;
    scene.emulate("act persistence.benign_read --path /etc/passwd")?;
    Ok(Some(format!("rung {rung}")))
}
