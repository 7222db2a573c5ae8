//! `device_tamper`: writing to flash, disks, memory or the watchdog. Seen and judged in the kernel
//! (`edge-ebpf/src/detectors/device_tamper.rs`).

use edge_abi::{ActRecord, Detector, act_flags, reason, watch_access};
use edge_wire::{Act, Bytes, Severity, Technique};

use super::spec::{Pass, Resolved, Spec, WatchPath, keys};
use crate::config::{Action, Config};
use crate::enrich::Processes;

/// What it is.
pub const SPEC: Spec = Spec {
    detector: Detector::DeviceTamper,
    keys: keys!("device_tamper"),
    actions: &[Action::Kill, Action::Deny],
    threshold: None,
    origin_factor: 0,
    window: None,
    option: None,
    enabled: true,
    allow: ALLOW,
    watch: WATCH,
    weigh,
    resolve: Some(resolve),
    look: None,
};

/// Names the device that a cgroup program knows by its number; follows the path of a candidate.
fn resolve(evidence: &mut Act, record: &ActRecord, processes: &dyn Processes, config: &Config) -> Resolved {
    if record.flags & act_flags::CGROUP == 0 {
        return super::watched::resolve(evidence, record, processes, config);
    }
    let (major, minor) = (record.value >> 20, record.value & 0xf_ffff);
    let kind = if record.reason == reason::DISK { "block" } else { "char" };
    let name = processes.device(kind, major, minor).or_else(|| processes.device("block", major, minor));
    if let Some(name) = name {
        evidence.object = Bytes::cut(&[b"/dev/", name.as_slice()].concat());
    }
    Resolved::Certain
}

/// Who does this for a living.
const ALLOW: &[Pass] = &[
    Pass::with_children("/usr/bin/swupdate"),
    Pass::with_children("/usr/bin/rauc"),
    Pass::with_children("/usr/bin/mender-update"),
    Pass::with_children("/usr/bin/mender"),
    Pass::alone("/usr/lib/systemd/systemd-udevd"),
    Pass::alone("/sbin/udevd"),
    Pass::alone("/sbin/mdev"),
    Pass::alone("/sbin/watchdog"),
    Pass::alone("/usr/bin/fw_setenv"),
    Pass::alone("/usr/bin/fw_printenv"),
    Pass::alone("/sbin/e2fsck"),
    Pass::alone("/sbin/fsck.ext4"),
    Pass::alone("/sbin/fsck.vfat"),
    Pass::alone("/sbin/fsck"),
    Pass::alone("/sbin/mkfs.ext4"),
    Pass::alone("/sbin/mke2fs"),
    Pass::alone("/sbin/mkfs.vfat"),
    Pass::alone("/sbin/mkfs.fat"),
    Pass::alone("/sbin/mkswap"),
    Pass::alone("/sbin/resize2fs"),
    Pass::alone("/sbin/tune2fs"),
    Pass::alone("/usr/sbin/wd_keepalive"),
    Pass::alone("/sbin/blkid"),
    Pass::alone("/bin/mount"),
    Pass::alone("/sbin/losetup"),
    Pass::alone("/usr/bin/udisksd"),
    Pass::alone("/sbin/init"),
    Pass::alone("/usr/lib/systemd/systemd"),
];

/// What is watched.
const WATCH: &[WatchPath] = &[
    WatchPath { path: "/dev/mtd", reason: reason::FLASH, access: watch_access::WRITE },
    WatchPath { path: "/dev/ubi", reason: reason::FLASH, access: watch_access::WRITE },
    WatchPath { path: "/dev/mmcblk", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/sd", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/vd", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/nvme", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/block/", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/dm-", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/mapper/", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/disk/", reason: reason::DISK, access: watch_access::WRITE },
    WatchPath { path: "/dev/mem", reason: reason::MEMORY_DEVICE, access: watch_access::WRITE },
    WatchPath { path: "/dev/kmem", reason: reason::MEMORY_DEVICE, access: watch_access::WRITE },
    WatchPath { path: "/dev/port", reason: reason::MEMORY_DEVICE, access: watch_access::WRITE },
    WatchPath { path: "/dev/watchdog", reason: reason::WATCHDOG, access: watch_access::WRITE },
];

/// Names the technique and weighs it.
fn weigh(reason: u8) -> (Technique, Severity) {
    match reason {
        reason::FLASH => (Technique::new(1495, 0), Severity::CRITICAL),
        reason::DISK => (Technique::new(1561, 0), Severity::CRITICAL),
        reason::MEMORY_DEVICE => (Technique::new(1014, 0), Severity::HIGH),
        _ => (Technique::new(1562, 1), Severity::HIGH),
    }
}
