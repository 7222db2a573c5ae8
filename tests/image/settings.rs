//! The configuration in an image: that of `packaging/`, with what every gateway has to set.

use edge_tests::vm::HOST;

/// The file that recipes install.
const PACKAGED: &str = include_str!("../../packaging/edge-agent.toml");

/// What an image sets, and files that its configuration may name, such as a list of what belongs to the image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Keys as they are packaged, and what becomes of them: section, key, value.
    changes: Vec<(String, String, String)>,
    /// Further files of the image: path and content.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Settings {
    /// A broker on the machine that runs the guest, heartbeats that a test can wait for, and `foreign_exec`, as for an image whose programs are known.
    pub(crate) fn new(port: u16) -> Self {
        Self::default()
            .set("mqtt", "brokers", &format!("[\"{HOST}:{port}\"]"))
            .set("mqtt", "insecure", "true")
            .set("mqtt", "heartbeat", "\"10s\"")
            .set("mqtt", "reconnect_max", "\"1s\"")
            .set("detectors.foreign_exec", "enabled", "true")
    }

    /// Sets a key of a section.
    pub(crate) fn set(mut self, section: &str, key: &str, value: &str) -> Self {
        self.changes.push((section.to_owned(), key.to_owned(), value.to_owned()));
        self
    }

    /// Puts a file into the image.
    #[expect(dead_code, reason = "the place for a list of the image's files, which no detector reads yet")]
    pub(crate) fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// The packaged file with these changes. A key that is not there, or whose value has several lines, is an error.
    pub(crate) fn configuration(&self) -> Result<String, String> {
        let mut lines: Vec<String> = PACKAGED.lines().map(str::to_owned).collect();
        for (section, key, value) in &self.changes {
            let (header, start) = (format!("[{section}]"), format!("{key} = "));
            let mut inside = lines.iter_mut().skip_while(|line| **line != header).skip(1);
            let line = inside.find(|line| line.starts_with(&start) || line.starts_with('['));
            match line.filter(|line| line.starts_with(&start) && !line.ends_with('[')) {
                Some(line) => *line = format!("{start}{value}"),
                None => {
                    return Err(format!("packaging/edge-agent.toml has no one-line `{key}` in [{section}]"));
                }
            }
        }
        Ok(lines.join("\n") + "\n")
    }
}
