//! Colours, by the codes every terminal since the VT100's colour successors knows.

use edge_wire::Severity;

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Yes.
    Ansi,
    /// No.
    Plain,
}

/// What a piece of a line is, and so how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something was stopped, or is well again.
    Good,
    /// Something needs a look.
    Bad,
    /// Beside the point.
    Faint,
    /// The point.
    Strong,
    /// A severity.
    Of(Severity),
}

impl Paint {
    /// `text` in its colour.
    pub(crate) fn apply(self, tone: Tone, text: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad | Tone::Of(Severity::MEDIUM) => "33",
            Tone::Faint => "2",
            Tone::Strong => "1",
            Tone::Of(Severity::INFO) => "36",
            Tone::Of(Severity::LOW) => "34",
            Tone::Of(Severity::HIGH) => "31",
            // Critical, and what a newer agent finds worse.
            Tone::Of(_) => "1;37;41",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_plain_and_colour_ends() {
        assert_eq!(Paint::Plain.apply(Tone::Good, "x"), "x");
        assert_eq!(Paint::Ansi.apply(Tone::Of(Severity::HIGH), "high"), "\x1b[31mhigh\x1b[0m");
    }
}
