//! The configuration in an image: that of `packaging/`, with what every gateway has to set.

use edge_tests::vm::HOST;

/// The file that recipes install.
const PACKAGED: &str = include_str!("../../packaging/edge-agent.toml");

/// The folder of manifests: that of the image, and those of packages that are installed later.
pub(crate) const MANIFESTS: &str = "/usr/share/edge-agent";

/// What an image sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Keys as they are packaged, and what becomes of them: section, key, value.
    changes: Vec<(String, String, String)>,
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
            .set("detectors.foreign_exec", "manifest", &format!("\"{MANIFESTS}\""))
    }

    /// Sets a key of a section.
    pub(crate) fn set(mut self, section: &str, key: &str, value: &str) -> Self {
        self.changes.push((section.to_owned(), key.to_owned(), value.to_owned()));
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
