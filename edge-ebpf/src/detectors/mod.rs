//! Detectors: from evidence and a process's state to a decision. One file each, named as everywhere else.

pub mod bus_flood;
pub mod device_tamper;
pub mod fetch_loop;
pub mod file_tamper;
pub mod fileless_exec;
pub mod flood_out;
pub mod foreign_exec;
pub mod kernel_code;
pub mod lateral_scan;
pub mod login_guessing;
pub mod masquerade;
pub mod mass_kill;
pub mod namespace_escape;
pub mod net_tamper;
pub mod new_egress;
pub mod privilege_jump;
pub mod process_injection;
pub mod raw_socket;
pub mod resource_hijack;
pub mod shell_on_socket;
pub mod sysctl_tamper;
pub mod uring_use;
pub mod volatile_exec;

/// What a detector says about one act: that it is one, of what kind, and upon whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// One of [`edge_abi::reason`].
    pub reason: u8,
    /// The reason's number.
    pub value: u64,
    /// The other process, 0 when there is none.
    pub target: u32,
}

/// What to do with a finding's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Send a record now.
    Now,
    /// Count it for the next record: this process was reported and has not doubled its count since.
    Hold,
}

/// Reports at the first finding and then at every doubling, so that a record storm cannot be caused by one process.
#[inline(always)]
#[must_use]
pub fn pace(report_at: &mut u32, measure: u32) -> Report {
    if measure >= *report_at {
        *report_at = measure.saturating_mul(2);
        Report::Now
    } else {
        Report::Hold
    }
}
