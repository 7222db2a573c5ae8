//! The options of a command: `--name value` pairs and bare `--flag`s.

use std::path::PathBuf;
use std::str::FromStr;

use crate::failure::Failure;

/// Options that stand alone.
const FLAGS: [&str; 6] = ["udp", "compressed", "throw-away", "unlink-self", "replace-self", "socket"];

/// The options as given, not yet interpreted.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    /// Name and value of each; flags have an empty value.
    pairs: Vec<(String, String)>,
}

impl Options {
    /// Reads the words after the command.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut pairs = Vec::new();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                return Err(Failure::Usage(format!("`{word}` is not an option")));
            };
            let value = if FLAGS.contains(&name) {
                String::new()
            } else {
                words.next().ok_or_else(|| Failure::Usage(format!("option --{name} lacks its value")))?
            };
            pairs.push((name.to_owned(), value));
        }
        Ok(Self { pairs })
    }

    /// Whether a flag is given.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The value of an option as given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of an option that must be given.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.text(name).ok_or_else(|| Failure::Usage(format!("option --{name} is needed")))
    }

    /// The value of an option that is a path and must be given.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf, Failure> {
        self.required(name).map(PathBuf::from)
    }

    /// The value of an option that must be given, interpreted.
    pub(crate) fn value<T: FromStr>(&self, name: &str) -> Result<T, Failure> {
        interpret(name, self.required(name)?)
    }

    /// The value of an option, interpreted, or what holds without it.
    pub(crate) fn value_or<T: FromStr>(&self, name: &str, default: T) -> Result<T, Failure> {
        self.text(name).map_or(Ok(default), |text| interpret(name, text))
    }
}

/// Interprets the value of one option.
fn interpret<T: FromStr>(name: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::Usage(format!("option --{name} does not take `{text}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a command line given as one string.
    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn pairs_and_flags_are_read_and_the_last_wins() {
        let options = parse("--files 3 --udp --files 4").unwrap();
        assert_eq!(options.value::<u32>("files").unwrap(), 4);
        assert!(options.flag("udp") && !options.flag("compressed"));
        assert_eq!(options.value_or("bytes", 7_u32).unwrap(), 7);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse("files").unwrap_err().to_string(), "`files` is not an option");
        assert_eq!(parse("--files").unwrap_err().to_string(), "option --files lacks its value");
        let options = parse("--files many").unwrap();
        assert_eq!(
            options.value::<u32>("files").unwrap_err().to_string(),
            "option --files does not take `many`"
        );
        assert_eq!(options.path("dir").unwrap_err().to_string(), "option --dir is needed");
    }
}
