//! What `edge-emulate` said about itself.

use edge_tests::vm::Done;
use serde_json::Value;

/// Exit code of a process ended by SIGKILL, as a shell reports it.
const KILLED: i32 = 128 + 9;

/// An emulation that was run.
#[derive(Debug)]
pub(crate) struct Emulation {
    /// Its process id, the same in the guest's only namespace as in a verdict.
    pub(crate) pid: u64,
    /// When it began its work, in nanoseconds of the guest's monotonic clock.
    pub(crate) start_ns: u64,
    /// Its last line; none when it was killed before.
    end: Option<Value>,
}

impl Emulation {
    /// Reads its output. Only success and death by SIGKILL are accepted.
    pub(crate) fn read(done: &Done) -> Result<Self, String> {
        let mut lines = done.output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let start =
            lines.next().and_then(|line| Some((line.get("pid")?.as_u64()?, line.get("start_ns")?.as_u64()?)));
        let (pid, start_ns) = start.ok_or_else(|| format!("did not start: {}", done.output))?;
        match done.code {
            0 => Ok(Self { pid, start_ns, end: lines.next() }),
            KILLED => Ok(Self { pid, start_ns, end: None }),
            code => Err(format!("ended with {code}: {}", done.output)),
        }
    }

    /// Whether it was killed.
    pub(crate) fn was_killed(&self) -> bool {
        self.end.is_none()
    }

    /// A count of its last line.
    pub(crate) fn count(&self, name: &str) -> Result<u64, String> {
        let end = self.end.as_ref().ok_or("emulation was killed")?;
        end.get(name).and_then(Value::as_u64).ok_or_else(|| format!("emulation counted no {name}: {end}"))
    }
}
