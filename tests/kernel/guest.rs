//! That a guest is what the other cases take it for.

use crate::scene::{SOON, Scene};
use edge_tests::trials::Outcome;

/// The guest boots, has the file systems the agent needs, and reports exit codes and output faithfully.
pub(crate) fn boots(scene: &mut Scene) -> Outcome {
    let mounts = scene.run("cat /proc/mounts", SOON)?;
    for place in
        ["/sys/kernel/tracing", "/sys/fs/bpf", "/sys/fs/cgroup", "/dev/shm", "/run", "/var/tmp", "/tmp"]
    {
        if !mounts.contains(&format!(" {place} ")) {
            return Err(format!("{place} is not mounted").into());
        }
    }
    let done = scene.guest.run("echo 'one  $HOME \"two\"'; echo three >&2; exit 41", SOON)?;
    if (done.code, done.output.as_str()) != (41, "one  $HOME \"two\"\nthree") {
        return Err(format!("console garbles: {done:?}").into());
    }
    // Every byte value, over more than one piece of what is typed at a time.
    let content: Vec<u8> = (0..=255).cycle().take(1000).collect();
    scene.guest.write("/data/bytes", &content, SOON)?;
    let dump = scene.run("od -An -v -tx1 /data/bytes", SOON)?;
    let wanted: Vec<String> = content.iter().map(|byte| format!("{byte:02x}")).collect();
    if !dump.split_whitespace().eq(wanted.iter()) {
        return Err(format!("file arrives garbled: {dump}").into());
    }
    Ok(Some(scene.run("uname -r", SOON)?))
}

/// A message from the guest reaches the broker on the host and is acknowledged.
pub(crate) fn reaches_broker(scene: &mut Scene) -> Outcome {
    let (host, port) = scene.broker_address();
    scene.run(
        &format!("edge-emulate mqtt-ping --addr {host} --port {port} --topic edge/test --payload hello"),
        SOON,
    )?;
    let log = scene.broker.log();
    if !log.contains("Received PUBLISH from edge-ping") {
        return Err(format!("broker saw no publish; its log: {log}").into());
    }
    Ok(None)
}

/// Without root, tracefs or cgroup2 the agent says which and how to get it, each with an exit code of its own. The mounts are
/// taken away in a mount namespace, so the guest keeps them.
pub(crate) fn what_is_missing_is_named(scene: &mut Scene) -> Outcome {
    scene.run(
        "printf '[device]\\nid = \"missing\"\\n' >/run/missing.toml; chmod 644 /run/missing.toml",
        SOON,
    )?;
    let run = "run --config /run/missing.toml";
    let cases = [
        (format!("start-stop-daemon -S -c 65534 -x /usr/bin/edge-agent -- {run}"), 77, "CAP_BPF"),
        (format!("unshare -m sh -c 'umount /sys/kernel/tracing; edge-agent {run}'"), 10, "mount -t tracefs"),
        (format!("unshare -m sh -c 'umount /sys/fs/cgroup; edge-agent {run}'"), 11, "mount -t cgroup2"),
    ];
    for (command, code, advice) in cases {
        let done = scene.guest.run(&command, SOON)?;
        if done.code != code || !done.output.contains(advice) {
            return Err(format!("`{command}` is not {code} with `{advice}`: {done:?}").into());
        }
    }
    Ok(None)
}
