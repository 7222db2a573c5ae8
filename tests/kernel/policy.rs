//! What the agents of the cases are told.

use edge_tests::vm::HOST;
use edge_wire::DetectorId;

use crate::bus_flood::WRITES;
use crate::flood_out::PACKETS;
use crate::resource_hijack::{PERCENT, WINDOW_S};

/// The guest's shell starts every command of the tests, which have nothing to do with each other: each is an origin of its own.
const SPAWNERS: &str = "spawners = [\"/init\", \"/bin/busybox\", \"/bin/sh\"]\n";

/// What the agent is told to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Policy {
    /// Only report.
    Observe,
    /// Kill or deny, as each detector can.
    Enforce,
    /// The same, and what does not belong to the image is killed or refused.
    Image,
    /// Only report, and learn where programs go.
    Learn,
    /// Only report, with nothing left to learn.
    Frozen,
    /// With nothing left to learn, deny whatever can be denied.
    Deny,
}

impl Policy {
    /// What the agent does about destinations alone, and without what takes long to load: all detectors but these are off.
    fn alone(self, head: &str) -> String {
        const KEPT: [DetectorId; 3] =
            [DetectorId::NEW_EGRESS, DetectorId::VOLATILE_EXEC, DetectorId::LATERAL_SCAN];
        let off = DetectorId::ALL.iter().filter(|detector| !KEPT.contains(detector));
        let off: Vec<_> = off.map(|detector| format!("[detectors.{detector}]\nenabled = false\n")).collect();
        let off = off.concat();
        format!("{head}[policy]\naction = \"observe\"\n{SPAWNERS}{off}{}", self.egress())
    }

    /// The agent's configuration; what it does not name has its default.
    pub(crate) fn config(self, device: &str, port: u16, lsm: bool) -> String {
        let head = format!(
            "[device]\nid = \"{device}\"\n\
             [mqtt]\nbrokers = [\"{HOST}:{port}\"]\ninsecure = true\nheartbeat = \"10s\"\n"
        );
        if matches!(self, Self::Learn | Self::Frozen) {
            return self.alone(&head);
        }
        let action = match self {
            Self::Enforce | Self::Image | Self::Deny => "enforce",
            _ => "observe",
        };
        let strongest = if lsm { "deny" } else { "kill" };
        let image = if self == Self::Image {
            format!("[detectors.foreign_exec]\nenabled = true\naction = \"{strongest}\"\n")
        } else {
            String::new()
        };
        // Whoever stops the agent under enforce is killed for it, or refused, so only the last one of a guest enforces this, too.
        let guards = if self == Self::Enforce { strongest } else { "observe" };
        let answer = if self == Self::Deny { "deny" } else { "kill" };
        let egress = self.egress();
        format!(
            "{head}\
             [policy]\naction = \"{action}\"\n{SPAWNERS}\
             [detectors.file_tamper]\naction = \"{answer}\"\n\
             [detectors.lateral_scan]\naction = \"deny\"\n\
             [detectors.volatile_exec]\naction = \"{answer}\"\n\
             [detectors.bus_flood]\naction = \"kill\"\nthreshold = {WRITES}\nwatch = [\"/dev/pts/\"]\n\
             [detectors.flood_out]\naction = \"deny\"\nthreshold = {PACKETS}\n\
             [detectors.credential_access]\naction = \"{answer}\"\n\
             [detectors.persistence]\naction = \"{answer}\"\n\
             [detectors.sysctl_tamper]\naction = \"{answer}\"\n\
             [detectors.device_tamper]\naction = \"{answer}\"\n\
             [detectors.impair_defenses]\naction = \"{guards}\"\n\
             [detectors.mass_kill]\naction = \"{answer}\"\n\
             [detectors.kernel_code]\naction = \"{answer}\"\n\
             [detectors.process_injection]\naction = \"{answer}\"\n\
             [detectors.namespace_escape]\naction = \"{answer}\"\n\
             [detectors.uring_use]\naction = \"{answer}\"\n\
             [detectors.privilege_jump]\naction = \"{answer}\"\n\
             [detectors.net_tamper]\naction = \"kill\"\n\
             [detectors.raw_socket]\naction = \"deny\"\n\
             [detectors.resource_hijack]\naction = \"kill\"\nthreshold = {PERCENT}\nwindow = \"{WINDOW_S}s\"\n\
             [detectors.fileless_exec]\naction = \"{answer}\"\n\
             [detectors.shell_on_socket]\naction = \"kill\"\n\
             [detectors.masquerade]\naction = \"kill\"\n\
             [detectors.fetch_loop]\naction = \"kill\"\n\
             {image}{egress}"
        )
    }
}

/// What the three have in common.
macro_rules! egress {
    () => {
        "[detectors.new_egress]\nenabled = true\nloopback = true\nstate = \"/data/egress/known\"\nlisten = [4446]\n\
         declare = [\"tcp 127.8.0.0/16:8883 /usr/bin/edge-emulate\"]\n"
    };
}

impl Policy {
    /// What it says of `new_egress`; without this, a week is learnt.
    fn egress(self) -> &'static str {
        match self {
            Self::Observe | Self::Enforce | Self::Image => "",
            Self::Learn => concat!(egress!(), "learn = \"1h\"\n"),
            Self::Frozen => concat!(egress!(), "learn = \"0s\"\n"),
            Self::Deny => concat!(egress!(), "learn = \"0s\"\naction = \"deny\"\n"),
        }
    }
}
