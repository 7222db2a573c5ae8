//! Whether what an earlier agent loaded is what this one would load.

use std::fs;

use bytemuck::{Pod, Zeroable};

use crate::load::digest::digest;
use crate::load::features::Features;
use crate::load::object::Plan;
use crate::load::program::Program;

/// Of the object in this agent, from `build.rs`.
const OBJECT: u64 = match u64::from_str_radix(env!("EDGE_OBJECT_DIGEST"), 10) {
    Ok(digest) => digest,
    Err(_) => panic!("build.rs gives a number"),
};

/// Two numbers that are equal where everything that they stand for is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(in crate::load) struct Identity {
    /// Of the object: the layouts of maps and records.
    pub object: u64,
    /// Of what is loaded of it, and how.
    pub plan: u64,
}

impl Identity {
    /// Of the object in this agent, loaded by this plan on this kernel.
    pub(in crate::load) fn of(plan: &Plan, features: &Features) -> Self {
        // The tables by which stands are chosen and attached belong to it, and so does what the machine offers: an agent that was started
        // before the means to stand higher were there is not taken over when they are.
        let tables: Vec<String> =
            Program::ALL.iter().map(|program| format!("{program:?} {:?}", program.hook())).collect();
        let cgroup = plan.cgroup.as_ref().map(|cgroup| (cgroup.id, cgroup.depth));
        let wanted = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {} {:?} {features:?}",
            plan.detectors,
            plan.excluded,
            plan.ceiling,
            plan.machine,
            cgroup,
            plan.scoped,
            plan.exec_filename,
            (plan.fork_child, plan.signal_fields, plan.sock_state),
        );
        let offsets = plan.offsets_file.as_deref().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let syscalls = plan.machine.syscalls(|_| true);
        let tables = tables.join("\n");
        Self { object: OBJECT, plan: digest([tables.as_bytes(), wanted.as_bytes(), &offsets, &syscalls]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_also_by_where_they_end() {
        assert_eq!(digest([b"ab", b"c"]), digest([b"ab", b"c"]));
        assert_ne!(digest([b"ab", b"c"]), digest([b"a", b"bc"]));
        assert_ne!(digest([b"ab"]), digest([b"ac"]));
    }
}
