//! Whether what an earlier agent loaded is what this one would load.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use bytemuck::{Pod, Zeroable};

use crate::load::digest::digest;
use crate::load::features::Features;
use crate::load::means::Means;
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
        let mut text = Text::default();
        // The tables by which stands are chosen and attached.
        for program in Program::ALL {
            text.add(program.name().as_bytes());
            text.add(program.place(Means::default()).as_bytes());
        }
        text.add(&plan.machine.syscalls(|_| true));
        // What is wanted.
        plan.detectors.iter().for_each(|detector| text.add(&[detector.0]));
        plan.excluded.iter().for_each(|program| text.add(program.name().as_bytes()));
        text.add(&[plan.ceiling as u8, u8::from(plan.scoped)]);
        let (id, depth) = plan.cgroup.as_ref().map_or((0, u32::MAX), |cgroup| (cgroup.id, cgroup.depth));
        text.add(&id.to_le_bytes());
        let [signal, code, pid, result] = plan.signal_fields;
        let places = [
            depth,
            plan.exec_filename,
            plan.fork_child,
            plan.sock_state,
            signal,
            code,
            pid,
            result,
            plan.listed,
        ];
        text.add(bytemuck::bytes_of(&places));
        let offsets = plan.offsets_file.as_deref().and_then(|path| fs::read(path).ok());
        text.add(&offsets.unwrap_or_default());
        // What the machine offers: what was loaded before the means to stand higher were there is not taken over when they are.
        text.add(features.release.as_bytes());
        for path in [&features.tracefs, &features.cgroup2] {
            text.add(path.as_ref().map_or(&[][..], |path| path.as_os_str().as_bytes()));
        }
        text.add(&[features.jit as u8, features.btf as u8, features.lsm as u8]);
        Self { object: OBJECT, plan: digest(&text.0) }
    }
}

/// Parts that are told apart also by where they end.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    /// Adds one.
    fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&(part.len() as u32).to_le_bytes());
        self.0.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_also_by_where_they_end() {
        let of = |parts: &[&[u8]]| {
            let mut text = Text::default();
            for part in parts {
                text.add(part);
            }
            digest(&text.0)
        };
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"ab"]), of(&[b"ac"]));
    }
}
