//! What can be wrong with a configuration: facts as values, so that tests compare them and people read them.

use core::fmt;

/// Most problems told at once; the rest is counted. A screen full is enough to see that it is the wrong file.
pub const PROBLEM_COUNT: usize = 16;
/// Most bytes of a value or key repeated in a message.
const SHOWN_BYTES: usize = 80;

/// One mistake in a configuration file. Lines count from 1; 0 means a default clashes with what the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A value of the right form that does not go with another one.
    Clash {
        /// Line of the value.
        line: usize,
        /// The whole key.
        key: String,
        /// What it clashes with and what would be right.
        reason: String,
    },
    /// The text is not TOML, or uses a part of TOML that this file does not.
    Syntax {
        /// Where the parser stumbled.
        line: usize,
        /// What it found and expected.
        what: String,
    },
    /// More of something than is read.
    TooMany {
        /// Line of the first one too many.
        line: usize,
        /// What there is too much of.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// A key or table that is given twice.
    Twice {
        /// Line of the second one.
        line: usize,
        /// Line of the first one.
        first_line: usize,
        /// The whole key; a table in brackets.
        key: String,
    },
    /// A key that does not exist.
    UnknownKey {
        /// Its line.
        line: usize,
        /// The whole key as written.
        key: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A table that does not exist.
    UnknownTable {
        /// Its line.
        line: usize,
        /// Its path, without brackets.
        table: String,
        /// The table that was probably meant.
        nearest: Option<String>,
    },
    /// A value of the wrong type, unit or range.
    Value {
        /// Line of the value, or of the element of a list.
        line: usize,
        /// The whole key.
        key: String,
        /// The value as written.
        shown: String,
        /// What is allowed: form, range, example.
        expected: String,
    },
}

impl Problem {
    /// The line it is told for.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Clash { line, .. }
            | Self::Syntax { line, .. }
            | Self::TooMany { line, .. }
            | Self::Twice { line, .. }
            | Self::UnknownKey { line, .. }
            | Self::UnknownTable { line, .. }
            | Self::Value { line, .. } => *line,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clash { key, reason, .. } => write!(f, "`{}`: {reason}", Shown(key)),
            Self::Syntax { what, .. } => write!(f, "not valid: {}", Shown(what)),
            Self::TooMany { what, limit, .. } => write!(f, "more than {limit} {what}"),
            Self::Twice { first_line, key, .. } => {
                write!(f, "`{}` is given twice, first in line {first_line}", Shown(key))
            }
            Self::UnknownKey { key, nearest: Some(nearest), .. } => {
                write!(f, "unknown key `{}`, did you mean `{nearest}`?", Shown(key))
            }
            Self::UnknownKey { key, nearest: None, .. } => write!(f, "unknown key `{}`", Shown(key)),
            Self::UnknownTable { table, nearest: Some(nearest), .. } => {
                write!(f, "unknown table `[{}]`, did you mean `[{nearest}]`?", Shown(table))
            }
            Self::UnknownTable { table, nearest: None, .. } => {
                write!(f, "unknown table `[{}]`", Shown(table))
            }
            Self::Value { key, shown, expected, .. } => {
                write!(f, "`{} = {}`: expected {expected}", Shown(key), Shown(shown))
            }
        }
    }
}

/// Text from the file in a message: one line, printable, bounded.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut used = 0;
        for letter in self.0.chars() {
            used += letter.len_utf8();
            if used > SHOWN_BYTES {
                return f.write_str("..");
            }
            // A newline inside a list, an escape sequence meant for a terminal: neither gets through.
            write!(f, "{}", if letter.is_control() { ' ' } else { letter })?;
        }
        Ok(())
    }
}

/// The problems of one file: the first [`PROBLEM_COUNT`] and how many more there were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// In order of discovery until `sort`.
    list: Vec<Problem>,
    /// How many were not kept.
    omitted: usize,
}

impl Problems {
    /// Keeps a problem, or counts it when the list is full.
    pub(super) fn push(&mut self, problem: Problem) {
        self.push_with(|| problem);
    }

    /// As `push`, for a problem that costs something to describe: not asked for when the list is full.
    pub(super) fn push_with(&mut self, describe: impl FnOnce() -> Problem) {
        if self.list.len() < PROBLEM_COUNT {
            self.list.push(describe());
        } else {
            self.omitted += 1;
        }
    }

    /// Takes over all of `other`.
    pub(super) fn append(&mut self, other: Self) {
        other.list.into_iter().for_each(|problem| self.push(problem));
        self.omitted += other.omitted;
    }

    /// Puts them into the order of the file.
    pub(super) fn sort(&mut self) {
        self.list.sort_by_key(Problem::line);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems that were kept.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many more there were.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}
