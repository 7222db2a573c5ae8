//! Attacks on a gateway with a packaged configuration.

use std::error::Error;

use edge_tests::said;

use crate::machine::Machine;

/// Programs that were not in the image, each from another place; what was written by hand to where only the updater writes; two that lie where
/// programs of the image do, one of them under a name of the image (`by_file`: files are known, so that it is told as well). Returns
/// what is told of these.
pub(crate) fn are_reported(machine: &mut Machine<'_>, by_file: bool) -> Result<String, Box<dyn Error>> {
    for (place, detectors) in [
        ("/tmp/dropped", &["volatile_exec", "foreign_exec"][..]),
        ("/run/dropped", &["volatile_exec", "foreign_exec"]),
        ("/dev/shm/dropped", &["volatile_exec", "foreign_exec"]),
        ("/data/dropped", &["foreign_exec"]),
        ("/data/state/.hidden", &["foreign_exec"]),
    ] {
        let mark = machine.uplink.watch.mark();
        // tmpfs of /run forbids nothing but set-uid.
        machine.run(&format!("cp /usr/bin/edge-emulate {place} && {place} --help >/dev/null"))?;
        for detector in detectors {
            machine.verdict(mark, detector, place)?;
        }
    }
    let mark = machine.uplink.watch.mark();
    machine.run("edge-emulate act fileless_exec.memfd --stay-ms 300")?;
    machine.any(mark, "fileless_exec")?;
    let mark = machine.uplink.watch.mark();
    machine.run("dd if=/data/update.img of=/dev/vdc bs=64k count=1 2>/dev/null")?;
    machine.any(mark, "device_tamper")?;
    let shadows = [
        (
            "bind mount",
            by_file,
            "touch /data/x && mount --bind /data/dropped /usr/sbin/sample && /usr/sbin/sample --help; umount /usr/sbin/sample",
        ),
        (
            "overlay's upper folder",
            true,
            "mkdir -p /data/usr/upper/bin && cp /usr/bin/edge-emulate /data/usr/upper/bin/nobody && /usr/bin/nobody --help",
        ),
    ];
    let mut told = Vec::new();
    for (what, is_foreign, command) in shadows {
        let mark = machine.uplink.watch.mark();
        machine.run(command)?;
        machine.drained()?;
        let mut found: Vec<String> = machine
            .verdicts(mark)
            .iter()
            .filter_map(|line| said::detector_and_rung(line).ok())
            .map(|(detector, _)| detector.to_owned())
            .collect();
        found.dedup();
        if is_foreign != found.iter().any(|detector| detector == "foreign_exec") {
            return Err(format!("a {what}: told by {found:?}").into());
        }
        told.push(format!(
            "{what}: {}",
            if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
        ));
    }
    Ok(told.join("; "))
}
