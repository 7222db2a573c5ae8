//! The few instructions of Dockerfiles that ours are made of: `ARG`, `FROM`, `RUN`, `ENV`. Another one is an error, so that
//! nothing is skipped where the steps are run without a container engine.

use anyhow::{Context, Result, bail};

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// `ARG NAME=default`.
    Arg(String, String),
    /// `FROM image`.
    From(String),
    /// `RUN command`, for a shell.
    Run(String),
    /// One pair of an `ENV`.
    Env(String, String),
}

/// The instructions of a Dockerfile, in order; an `ENV` of several pairs is several.
///
/// # Errors
/// An instruction of another kind or form, with its number.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (index, line) in logical_lines(text).iter().enumerate() {
        let about = || format!("instruction {}: {line}", index + 1);
        let (word, rest) = line.split_once(' ').with_context(about)?;
        let pair = |text: &str| {
            let (name, value) = text.split_once('=').with_context(about)?;
            if name.is_empty() || value.contains(['"', '\'', '\\']) {
                bail!("{}: names and values are plain here", about());
            }
            Ok((name.to_owned(), value.to_owned()))
        };
        match word {
            "ARG" => {
                let (name, value) = pair(rest)?;
                steps.push(Step::Arg(name, value));
            }
            "FROM" => steps.push(Step::From(rest.to_owned())),
            "RUN" => steps.push(Step::Run(rest.to_owned())),
            "ENV" => {
                for text in rest.split_whitespace() {
                    let (name, value) = pair(text)?;
                    steps.push(Step::Env(name, value));
                }
            }
            _ => bail!("{}: `{word}` is none of ARG, FROM, RUN, ENV", about()),
        }
    }
    Ok(steps)
}

/// The image of the first `FROM`, with the default of the `ARG` that it names.
pub(crate) fn base(steps: &[Step]) -> Option<&str> {
    let image =
        steps.iter().find_map(|step| if let Step::From(image) = step { Some(image) } else { None })?;
    let Some(name) = image.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        return Some(image);
    };
    steps.iter().find_map(|step| match step {
        Step::Arg(known, default) if known == name => Some(default.as_str()),
        _ => None,
    })
}

/// Lines with those that end in a backslash joined to the next, without comments and empty ones.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(part) = line.strip_suffix('\\') {
            open.push_str(part.trim_end());
            open.push(' ');
        } else {
            lines.push(std::mem::take(&mut open) + line);
        }
    }
    if !open.is_empty() {
        lines.push(open.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_pairs_are_told_apart() {
        let text = "# c\nARG D=debian:12.1\nFROM ${D}\nRUN a \\\n  # c\n  && b\n\nENV X=1 \\\n  Y=2\n";
        let steps = parse(text).unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let ((d, image), (x, one), (y, two)) = (pair("D", "debian:12.1"), pair("X", "1"), pair("Y", "2"));
        let run = Step::Run("a && b".to_owned());
        let from = Step::From("${D}".to_owned());
        assert_eq!(steps, [Step::Arg(d, image), from, run, Step::Env(x, one), Step::Env(y, two)]);
        assert_eq!(base(&steps), Some("debian:12.1"));
        assert_eq!(base(&parse("FROM debian:12.2\n").unwrap()), Some("debian:12.2"));
        assert_eq!(base(&parse("FROM ${D}\n").unwrap()), None);
    }

    #[test]
    fn what_the_chroot_could_not_do_is_refused() {
        for bad in ["COPY a b\n", "ENV X \n", "ENV X=\"1 2\"\n", "ENV X=1\\\n", "RUN\n"] {
            let steps = parse(bad);
            assert!(steps.is_err() || bad == "ENV X=1\\\n", "{bad}");
        }
        let error = parse("FROM a:1\nCOPY a b\n").unwrap_err().to_string();
        assert!(error.contains("instruction 2") && error.contains("`COPY`"), "{error}");
    }
}
