//! MITRE ATT&CK technique ids, <https://attack.mitre.org/techniques/enterprise/> and `.../ics/`.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A technique such as T1486, or a sub-technique such as T1059.004.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Technique {
    /// The number after the `T`. Those below 1000 are of ATT&CK for ICS and have a leading zero: T0806.
    pub number: u16,
    /// The sub-technique, 0 when there is none.
    pub sub: u8,
}

/// Declares the techniques that detectors of this version name.
macro_rules! techniques {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $sub:literal;)*) => {
        $($(#[$doc])* pub const $constant: Self = Self::new($number, $sub);)*

        /// Every technique that has a constant here, in numeric order. Others may come from newer agents.
        pub const ALL: &'static [Self] = &[$(Self::$constant,)*];
    };
}

impl Technique {
    techniques! {
        /// Brute force I/O, of ATT&CK for ICS.
        T0806 = 806, 0;
        /// Denial of service, of ATT&CK for ICS.
        T0814 = 814, 0;
        /// Operating system credential dumping.
        T1003 = 1003, 0;
        /// Password hashes from `/etc/passwd` and `/etc/shadow`.
        T1003_008 = 1003, 8;
        /// Rootkit.
        T1014 = 1014, 0;
        /// Remote services.
        T1021 = 1021, 0;
        /// Masquerading.
        T1036 = 1036, 0;
        /// A task or service under a borrowed name.
        T1036_004 = 1036, 4;
        /// The name or place of something legitimate.
        T1036_005 = 1036, 5;
        /// A space after the file name.
        T1036_006 = 1036, 6;
        /// Overwritten process arguments.
        T1036_011 = 1036, 11;
        /// Boot or logon initialization scripts.
        T1037 = 1037, 0;
        /// RC scripts.
        T1037_004 = 1037, 4;
        /// Network sniffing.
        T1040 = 1040, 0;
        /// Network service discovery.
        T1046 = 1046, 0;
        /// Scheduled task or job.
        T1053 = 1053, 0;
        /// Cron.
        T1053_003 = 1053, 3;
        /// Process injection.
        T1055 = 1055, 0;
        /// Injection by ptrace.
        T1055_008 = 1055, 8;
        /// Injection by `/proc/PID/mem`.
        T1055_009 = 1055, 9;
        /// Command and scripting interpreter.
        T1059 = 1059, 0;
        /// Unix shell.
        T1059_004 = 1059, 4;
        /// Exploitation for privilege escalation.
        T1068 = 1068, 0;
        /// Indicator removal.
        T1070 = 1070, 0;
        /// System logs cleared.
        T1070_002 = 1070, 2;
        /// File deletion.
        T1070_004 = 1070, 4;
        /// Application layer protocol.
        T1071 = 1071, 0;
        /// Non-application layer protocol.
        T1095 = 1095, 0;
        /// Account manipulation.
        T1098 = 1098, 0;
        /// SSH authorized keys.
        T1098_004 = 1098, 4;
        /// Ingress tool transfer.
        T1105 = 1105, 0;
        /// Native API.
        T1106 = 1106, 0;
        /// Brute force.
        T1110 = 1110, 0;
        /// User execution.
        T1204 = 1204, 0;
        /// Traffic signaling.
        T1205 = 1205, 0;
        /// Socket filters.
        T1205_002 = 1205, 2;
        /// Data destruction.
        T1485 = 1485, 0;
        /// Data encrypted for impact.
        T1486 = 1486, 0;
        /// Service stop.
        T1489 = 1489, 0;
        /// Firmware corruption.
        T1495 = 1495, 0;
        /// Resource hijacking.
        T1496 = 1496, 0;
        /// Network denial of service.
        T1498 = 1498, 0;
        /// Endpoint denial of service.
        T1499 = 1499, 0;
        /// System shutdown or reboot.
        T1529 = 1529, 0;
        /// System process created or modified.
        T1543 = 1543, 0;
        /// Systemd service.
        T1543_002 = 1543, 2;
        /// Event triggered execution.
        T1546 = 1546, 0;
        /// Unix shell configuration modified.
        T1546_004 = 1546, 4;
        /// Udev rules.
        T1546_017 = 1546, 17;
        /// Boot or logon autostart execution.
        T1547 = 1547, 0;
        /// Kernel modules and extensions.
        T1547_006 = 1547, 6;
        /// Elevation control abused.
        T1548 = 1548, 0;
        /// Set-uid and set-gid.
        T1548_001 = 1548, 1;
        /// Unsecured credentials.
        T1552 = 1552, 0;
        /// Credentials in files.
        T1552_001 = 1552, 1;
        /// Private keys.
        T1552_004 = 1552, 4;
        /// Disk wipe.
        T1561 = 1561, 0;
        /// Defenses impaired.
        T1562 = 1562, 0;
        /// Tools disabled or modified.
        T1562_001 = 1562, 1;
        /// System firewall disabled or modified.
        T1562_004 = 1562, 4;
        /// Non-standard port.
        T1571 = 1571, 0;
        /// Execution flow hijacked.
        T1574 = 1574, 0;
        /// Dynamic linker hijacked.
        T1574_006 = 1574, 6;
        /// Escape to host.
        T1611 = 1611, 0;
        /// Reflective code loading.
        T1620 = 1620, 0;
    }

    /// The technique `T<number>.<sub>`; `sub` 0 means the technique itself.
    #[must_use]
    pub const fn new(number: u16, sub: u8) -> Self {
        Self { number, sub }
    }

    /// The technique that this is a sub-technique of; itself when it is none.
    #[must_use]
    pub const fn parent(self) -> Self {
        Self::new(self.number, 0)
    }
}

impl fmt::Display for Technique {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sub == 0 {
            write!(out, "T{:04}", self.number)
        } else {
            write!(out, "T{:04}.{:03}", self.number, self.sub)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn prints_as_attack_does() {
        assert_eq!(Technique::T1486.to_string(), "T1486");
        assert_eq!(Technique::T1059_004.to_string(), "T1059.004");
        assert_eq!(Technique::T1546_017.to_string(), "T1546.017");
        assert_eq!(Technique::T0806.to_string(), "T0806", "those of ICS have a leading zero");
    }

    #[test]
    fn every_technique_is_listed_once_and_its_parent_too() {
        let key = |technique: &Technique| (technique.number, technique.sub);
        assert!(Technique::ALL.is_sorted_by(|a, b| key(a) < key(b)));
        for technique in Technique::ALL {
            assert!(Technique::ALL.contains(&technique.parent()), "{technique}");
        }
    }
}
