//! Tests of Atomic Red Team that can be shown on a small ARM gateway, as behaviour in our own words: the number of the test, a command
//! of our own that does the same with `BusyBox` or `edge-emulate`, what ought to come of it, and what comes of it here.
//!
//! Numbers are those of redcanaryco/atomic-red-team at 9f85cf3 (August 2026, after ATT&CK v19). The table is `atomics.tsv` beside this
//! file; `docs/detectors/atomics.md` is made of it, and the guest cases `atomics/...` hold it to be true.

/// What a security team would want to see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// A verdict.
    Verdict,
    /// Nothing but a trace that can be looked up.
    Telemetry,
    /// Nothing: it is ordinary work.
    Silence,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Came<'t> {
    /// A verdict of this detector with this reason.
    Verdict(&'t str, &'t str),
    /// No verdict, but the agent's history holds this text.
    History(&'t str),
    /// Nothing.
    Nothing,
}

/// One test.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Atomic<'t> {
    /// Its technique.
    pub technique: &'t str,
    /// Its number within the technique.
    pub number: u32,
    /// What ought to come of it.
    pub wanted: Wanted,
    /// What comes of it.
    pub came: Came<'t>,
    /// Only from the kprobe rung on; below, nothing comes of it.
    pub above: bool,
    /// What is done.
    pub what: &'t str,
    /// The command.
    pub command: &'t str,
    /// Why no more comes of it than that; empty where all that is wanted comes.
    pub why: &'t str,
}

impl<'t> Atomic<'t> {
    /// Reads a line of the table.
    fn read(line: &'t str) -> Option<Self> {
        let mut columns = line.split('\t');
        let (technique, number) = (columns.next()?, columns.next()?.parse().ok()?);
        let wanted = match columns.next()? {
            "verdict" => Wanted::Verdict,
            "telemetry" => Wanted::Telemetry,
            "silence" => Wanted::Silence,
            _ => return None,
        };
        let came = columns.next()?;
        let (came, above) = came.strip_suffix(ABOVE).map_or((came, false), |came| (came, true));
        let came = match came.split_once(' ') {
            Some(("verdict", by)) => {
                by.split_once(' ').map(|(detector, reason)| Came::Verdict(detector, reason))?
            }
            Some(("history", text)) => Came::History(text),
            None if came == "nothing" => Came::Nothing,
            _ => return None,
        };
        let [what, command, why] = [columns.next()?, columns.next()?, columns.next()?];
        columns.next().is_none().then_some(Self {
            technique,
            number,
            wanted,
            came,
            above,
            what,
            command,
            why,
        })
    }
}

/// What ends the column of what comes of a test, where only the kprobe rung and those above see it.
const ABOVE: &str = " from kprobe";

/// The table's text; its first line names the columns.
const TABLE: &str = include_str!("atomics.tsv");

/// Every test that is shown; a line that cannot be read is left out, and counted by a test.
#[must_use]
pub fn atomics() -> Vec<Atomic<'static>> {
    TABLE.lines().skip(1).filter_map(Atomic::read).collect()
}

/// What the commands find before them.
pub const PREPARE: &str = "mkdir -p /data/art /root/.ssh /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly \
    /etc/init.d /etc/profile.d /etc/pam.d /etc/systemd/system /var/log/audit /var/spool/cron/crontabs; \
    for f in messages syslog secure auth.log kern.log audit/audit.log; do echo line >/var/log/$f; done; \
    for f in shadow passwd group rc.local rc.common profile; do [ -s /etc/$f ] || echo '# edge' >/etc/$f; done; \
    echo 'auth required pam_deny.so' >/etc/pam.d/su; echo '[Service]' >/etc/systemd/system/old.service; \
    echo key >/root/.ssh/id_rsa; echo history >/root/.ash_history; echo text >/data/art/file; mkdir -p /data/art/tree; echo x >/data/art/tree/x";

/// What puts things back as far as later cases need it.
pub const CLEAN: &str = "rm -rf /data/art /etc/ld.so.preload /tmp/... /tmp/crond /tmp/art*; echo 2 >/proc/sys/kernel/randomize_va_space";

/// Tests that would be relevant and runnable, and are not shown.
pub const NOT_SHOWN: &[(&str, &str)] = &[
    ("T1070.004 8", "deletes the guest's file system; `file_tamper` is shown by `file_tamper/wiper_caught`"),
    ("T1529 5, 6, 8, 9, 11", "end the guest by `reboot` or `poweroff`; the broker's last will tells"),
    ("T1529 16, T1685 44", "end the guest by SysRq; T1489 8 shows the same file with a harmless key"),
    ("T1046 2, 12", "as T1046 1"),
    (
        "T1036.003 2 and the like with `BusyBox`",
        "a multi-call program takes a new name for another command; shown with another program",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::path::Path;

    /// The line after which the document is made from the table.
    const BEGIN: &str = "<!-- begin: made of tests/src/atomics.tsv -->\n";

    /// The document's tables.
    fn document() -> String {
        let mut text = String::new();
        for (wanted, title) in [
            (Wanted::Verdict, "## A verdict is wanted"),
            (Wanted::Telemetry, "## A trace is wanted"),
            (Wanted::Silence, "## Silence is wanted"),
        ] {
            writeln!(text, "{title}\n\n| test | what is done | what came | |\n|---|---|---|---|").unwrap();
            for row in atomics().iter().filter(|row| row.wanted == wanted) {
                let came = match row.came {
                    Came::Verdict(detector, reason) => {
                        let from = if row.above { ", from the kprobe rung on" } else { "" };
                        format!("[`{detector}`]({detector}.md): `{reason}`{from}")
                    }
                    Came::History(text) => format!("history: `{text}`"),
                    Came::Nothing if wanted == Wanted::Silence => "silence".to_owned(),
                    Came::Nothing => "nothing".to_owned(),
                };
                writeln!(text, "| {} {} | {} | {came} | {} |", row.technique, row.number, row.what, row.why)
                    .unwrap();
            }
            text.push('\n');
        }
        text.push_str("## Not shown\n\n| test | why |\n|---|---|\n");
        for (test, why) in NOT_SHOWN {
            writeln!(text, "| {test} | {why} |").unwrap();
        }
        text
    }

    #[test]
    fn every_line_is_read_and_nothing_is_missed_without_a_reason() {
        assert_eq!(atomics().len(), TABLE.lines().count() - 1);
        for row in atomics() {
            let met = match row.wanted {
                Wanted::Verdict => matches!(row.came, Came::Verdict(..)),
                Wanted::Telemetry => row.came != Came::Nothing,
                Wanted::Silence => row.came == Came::Nothing,
            };
            assert_eq!(met && !row.above, row.why.is_empty(), "{} {}", row.technique, row.number);
        }
    }

    /// `EDGE_BLESS=1` writes it anew.
    #[test]
    fn the_document_is_made_of_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/detectors/atomics.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, tables) = text.split_once(BEGIN).unwrap();
        if std::env::var_os("EDGE_BLESS").is_some() {
            std::fs::write(&path, format!("{head}{BEGIN}\n{}", document())).unwrap();
        } else {
            assert_eq!(tables.trim(), document().trim(), "EDGE_BLESS=1 cargo test -p edge-tests atomics");
        }
    }
}
