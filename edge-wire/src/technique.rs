//! MITRE ATT&CK technique ids, <https://attack.mitre.org/techniques/enterprise/>.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A technique such as T1486, or a sub-technique such as T1059.004.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Technique {
    /// The number after the `T`.
    pub number: u16,
    /// The sub-technique, 0 when there is none.
    pub sub: u8,
}

impl Technique {
    /// Command and scripting interpreter.
    pub const T1059: Self = Self::new(1059, 0);
    /// Network service discovery.
    pub const T1046: Self = Self::new(1046, 0);
    /// Ingress tool transfer.
    pub const T1105: Self = Self::new(1105, 0);
    /// Brute force.
    pub const T1110: Self = Self::new(1110, 0);
    /// Remote services.
    pub const T1021: Self = Self::new(1021, 0);
    /// Data destruction.
    pub const T1485: Self = Self::new(1485, 0);
    /// Data encrypted for impact.
    pub const T1486: Self = Self::new(1486, 0);

    /// The technique `T<number>.<sub>`; `sub` 0 means the technique itself.
    #[must_use]
    pub const fn new(number: u16, sub: u8) -> Self {
        Self { number, sub }
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
        assert_eq!(Technique::new(1059, 4).to_string(), "T1059.004");
    }
}
