//! Which verdicts are shown. Completeness is judged before, over all of them.

use edge_wire::{DetectorId, Head, Severity, Technique};

/// Conditions that must all hold; an empty list is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// At least this bad.
    pub(crate) severity: Severity,
    /// One of these detectors.
    pub(crate) detectors: Vec<DetectorId>,
    /// One of these techniques; a technique without sub-technique stands for all of its own.
    pub(crate) techniques: Vec<Technique>,
    /// One of these devices. The broker sorts these out already; it matters when a wider session persists there.
    pub(crate) devices: Vec<String>,
}

impl Filter {
    /// Whether a verdict of `device` is shown.
    pub(crate) fn admits(&self, device: &str, head: &Head) -> bool {
        head.severity >= self.severity
            && (self.detectors.is_empty() || self.detectors.contains(&head.detector))
            && (self.techniques.is_empty()
                || self.techniques.iter().any(|&wanted| covers(wanted, head.technique)))
            && self.admits_device(device)
    }

    /// Whether anything of `device` is shown.
    pub(crate) fn admits_device(&self, device: &str) -> bool {
        self.devices.is_empty() || self.devices.iter().any(|wanted| wanted == device)
    }
}

/// Whether `found` is `wanted` or a sub-technique of it.
fn covers(wanted: Technique, found: Technique) -> bool {
    wanted.number == found.number && (wanted.sub == 0 || wanted.sub == found.sub)
}

/// A technique as people write it: `T1486`, `t1059.004`.
pub(crate) fn technique(text: &str) -> Option<Technique> {
    let digits = text.strip_prefix(['T', 't'])?;
    let (number, sub) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if number.len() != 4 || !plain(number) || !plain(sub) {
        return None;
    }
    Some(Technique::new(number.parse().ok()?, sub.parse().ok()?))
}

/// A detector as people write it: its name, or its number when it is newer than this program.
pub(crate) fn detector(text: &str) -> Option<DetectorId> {
    DetectorId::from_name(text).or_else(|| text.parse().ok().map(DetectorId))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            severity: Severity::HIGH,
            detector: DetectorId::FILE_TAMPER,
            technique: Technique::new(1059, 4),
            ..Head::default()
        }
    }

    #[test]
    fn every_condition_must_hold() {
        assert!(Filter::default().admits("gw", &head()));
        let severity = Filter { severity: Severity::CRITICAL, ..Filter::default() };
        assert!(!severity.admits("gw", &head()));
        let detectors = Filter { detectors: vec![DetectorId::LATERAL_SCAN], ..Filter::default() };
        assert!(!detectors.admits("gw", &head()));
        let devices = Filter { devices: vec!["gw-1".to_owned()], ..Filter::default() };
        assert!(devices.admits("gw-1", &head()) && !devices.admits("gw", &head()));
    }

    #[test]
    fn a_technique_stands_for_its_sub_techniques() {
        let wanting = |sub| Filter { techniques: vec![Technique::new(1059, sub)], ..Filter::default() };
        assert!(wanting(0).admits("gw", &head()));
        assert!(wanting(4).admits("gw", &head()));
        assert!(!wanting(1).admits("gw", &head()));
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        assert_eq!(technique("T1486"), Some(Technique::T1486));
        assert_eq!(technique("t1059.004"), Some(Technique::new(1059, 4)));
        for wrong in ["1486", "T", "T14860", "T1486.", "T1486.x", "T1486.999", "T+486"] {
            let parsed = technique(wrong);
            assert!(parsed.is_none(), "{wrong} became {parsed:?}");
        }
        assert_eq!(detector("lateral_scan"), Some(DetectorId::LATERAL_SCAN));
        assert_eq!(detector("77"), Some(DetectorId(77)));
        assert_eq!(detector("file-tamper"), None);
    }
}
