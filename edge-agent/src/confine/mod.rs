//! What the agent may still do once it watches: little, for good, and by layers that do not depend on each other.
//!
//! Loading takes root. Afterwards the agent updates maps, looks at processes and files, and speaks to one broker. Whoever takes it over then
//! finds three capabilities of some forty ([`capabilities`]), and of some 450 system calls those that this work needs ([`seccomp`]): nothing
//! can be executed, traced, mounted or loaded, and no file be opened to be written unless `new_egress` keeps one.
//!
//! Landlock (Linux 5.13) is not among the layers, although it could tell folders apart: whoever is in a domain of it is refused every look at processes
//! outside it that counts as tracing (`hook_ptrace_access_check`, `security/landlock/task.c`), so `/proc/PID/exe`, `fd` and `root`, of which
//! verdicts are made. No rule lifts that. `docs/privileges.md` has the measurement.

mod calls;
mod capabilities;
mod seccomp;

#[cfg(test)]
mod tests;

use edge_abi::Detector;

use crate::config::Config;

/// What is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confined {
    /// Whether files can still be made and written: always, unless the filter of system calls is in force and refuses it.
    pub writes: bool,
}

/// Whether this configuration wants a file written while the agent runs: what `new_egress` learns. The files of a spool are open already.
#[must_use]
pub fn wants_writes(config: &Config) -> bool {
    config.act(Detector::NewEgress).enabled && !config.egress.state.is_empty()
}

/// Gives up what is not needed any more, by the thread that calls it and those it starts later; the agent must have no others yet. With
/// `agent.confine = false` only what is executed is held back (`no_new_privs`).
///
/// What this kernel cannot do or refuses is said, and the agent watches all the same: a gateway that is watched by an agent with too many
/// rights is better off than one that is not watched.
#[must_use]
pub fn confine(config: &Config) -> Confined {
    if let Err(error) = rustix::thread::set_no_new_privs(true) {
        log::warn!("confine: no_new_privs is not set, {error}");
    }
    if !config.agent.confine {
        log::warn!("confine: off, the configuration forbids it (`agent.confine`)");
        return Confined { writes: true };
    }
    let kept = capabilities::give_up().unwrap_or_else(|error| {
        log::warn!("confine: capabilities are not given up, {error}");
        capabilities::effective()
    });
    let writes = wants_writes(config);
    // Last: it forbids what the others need.
    let filtered = seccomp::install(&mut seccomp::program(writes));
    if let Err(error) = &filtered {
        log::warn!("confine: system calls are not filtered, {error}");
    }
    let confined = Confined { writes: writes || filtered.is_err() };
    log::info!(
        "confine: capabilities={kept:#x} seccomp={} writes={}",
        if filtered.is_ok() { "on" } else { "off" },
        match (filtered.is_ok(), writes) {
            (true, false) => "none",
            (true, true) => "state",
            (false, _) => "any",
        },
    );
    confined
}
