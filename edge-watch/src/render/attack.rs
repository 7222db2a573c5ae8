//! MITRE ATT&CK as published: names of techniques, and the tactic each serves here.

use edge_wire::Technique;

/// The version of ATT&CK that technique and tactic names are taken from.
pub(crate) const VERSION: &str = "17.1";

/// A technique's published name; `None` for those this program does not know.
pub(crate) fn name(technique: Technique) -> Option<&'static str> {
    parent(technique).or_else(|| sub(technique))
}

/// Of a technique that is no sub-technique.
fn parent(technique: Technique) -> Option<&'static str> {
    Some(match technique {
        Technique::T0806 => "Brute Force I/O",
        Technique::T0814 => "Denial of Service",
        Technique::T1003 => "OS Credential Dumping",
        Technique::T1014 => "Rootkit",
        Technique::T1021 => "Remote Services",
        Technique::T1036 => "Masquerading",
        Technique::T1037 => "Boot or Logon Initialization Scripts",
        Technique::T1040 => "Network Sniffing",
        Technique::T1046 => "Network Service Discovery",
        Technique::T1053 => "Scheduled Task/Job",
        Technique::T1055 => "Process Injection",
        Technique::T1059 => "Command and Scripting Interpreter",
        Technique::T1068 => "Exploitation for Privilege Escalation",
        Technique::T1070 => "Indicator Removal",
        Technique::T1071 => "Application Layer Protocol",
        Technique::T1095 => "Non-Application Layer Protocol",
        Technique::T1098 => "Account Manipulation",
        Technique::T1105 => "Ingress Tool Transfer",
        Technique::T1106 => "Native API",
        Technique::T1110 => "Brute Force",
        Technique::T1204 => "User Execution",
        Technique::T1205 => "Traffic Signaling",
        Technique::T1485 => "Data Destruction",
        Technique::T1486 => "Data Encrypted for Impact",
        Technique::T1489 => "Service Stop",
        Technique::T1495 => "Firmware Corruption",
        Technique::T1496 => "Resource Hijacking",
        Technique::T1498 => "Network Denial of Service",
        Technique::T1499 => "Endpoint Denial of Service",
        Technique::T1529 => "System Shutdown/Reboot",
        Technique::T1543 => "Create or Modify System Process",
        Technique::T1546 => "Event Triggered Execution",
        Technique::T1547 => "Boot or Logon Autostart Execution",
        Technique::T1548 => "Abuse Elevation Control Mechanism",
        Technique::T1552 => "Unsecured Credentials",
        Technique::T1561 => "Disk Wipe",
        Technique::T1562 => "Impair Defenses",
        Technique::T1571 => "Non-Standard Port",
        Technique::T1574 => "Hijack Execution Flow",
        Technique::T1611 => "Escape to Host",
        Technique::T1620 => "Reflective Code Loading",
        _ => return None,
    })
}

/// Of a sub-technique.
fn sub(technique: Technique) -> Option<&'static str> {
    Some(match technique {
        Technique::T1003_008 => "/etc/passwd and /etc/shadow",
        Technique::T1036_004 => "Masquerade Task or Service",
        Technique::T1036_005 => "Match Legitimate Resource Name or Location",
        Technique::T1036_006 => "Space after Filename",
        Technique::T1036_011 => "Overwrite Process Arguments",
        Technique::T1037_004 => "RC Scripts",
        Technique::T1053_003 => "Cron",
        Technique::T1055_008 => "Ptrace System Calls",
        Technique::T1055_009 => "Proc Memory",
        Technique::T1059_004 => "Unix Shell",
        Technique::T1070_002 => "Clear Linux or Mac System Logs",
        Technique::T1070_004 => "File Deletion",
        Technique::T1098_004 => "SSH Authorized Keys",
        Technique::T1205_002 => "Socket Filters",
        Technique::T1543_002 => "Systemd Service",
        Technique::T1546_004 => "Unix Shell Configuration Modification",
        Technique::T1546_017 => "Udev Rules",
        Technique::T1547_006 => "Kernel Modules and Extensions",
        Technique::T1548_001 => "Setuid and Setgid",
        Technique::T1552_001 => "Credentials In Files",
        Technique::T1552_004 => "Private Keys",
        Technique::T1562_001 => "Disable or Modify Tools",
        Technique::T1562_004 => "Disable or Modify System Firewall",
        Technique::T1574_006 => "Dynamic Linker Hijacking",
        _ => return None,
    })
}

/// Id and name of the tactic that a technique serves; where ATT&CK lists several, the one that our detectors see at work.
pub(crate) fn tactic(technique: Technique) -> Option<(&'static str, &'static str)> {
    Some(match technique.number {
        806 => ("TA0106", "Impair Process Control"),
        814 => ("TA0107", "Inhibit Response Function"),
        1059 | 1106 | 1204 => ("TA0002", "Execution"),
        1037 | 1053 | 1098 | 1543 | 1546 | 1547 | 1574 => ("TA0003", "Persistence"),
        1068 | 1548 | 1611 => ("TA0004", "Privilege Escalation"),
        1014 | 1036 | 1055 | 1070 | 1562 | 1620 => ("TA0005", "Defense Evasion"),
        1003 | 1040 | 1110 | 1552 => ("TA0006", "Credential Access"),
        1046 => ("TA0007", "Discovery"),
        1021 => ("TA0008", "Lateral Movement"),
        1071 | 1095 | 1105 | 1205 | 1571 => ("TA0011", "Command and Control"),
        1485 | 1486 | 1489 | 1495 | 1496 | 1498 | 1499 | 1529 | 1561 => ("TA0040", "Impact"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_technique_of_the_schema_has_a_name_and_a_tactic() {
        for &technique in Technique::ALL {
            assert!(name(technique).is_some() && tactic(technique).is_some(), "{technique}");
        }
        assert_eq!(name(Technique::T1059_004), Some("Unix Shell"));
        assert_eq!(name(Technique::new(1059, 99)), None, "a sub-technique does not borrow its parent's name");
        assert_eq!(tactic(Technique::new(9999, 0)), None);
    }
}
