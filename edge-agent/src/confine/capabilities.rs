//! The capabilities that the agent keeps once it watches.
//!
//! Loading takes root. Afterwards the agent updates its maps, looks at processes of all users and opens files to watch them. For
//! that it keeps three capabilities ([`KEPT`], `capabilities(7)`); the others go from all five sets, so that whoever takes the agent over has
//! neither a module to load, nor a device to open, nor a namespace or a route to change, nor anybody's files to write but root's own.
//!
//! They are a thread's own, and threads started later inherit what is left.

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// What stays.
///
/// - `CAP_BPF`: to read and change maps where `kernel.unprivileged_bpf_disabled` is set (`kernel/bpf/syscall.c`); Linux 5.8.
/// - `CAP_SYS_PTRACE`: `/proc/PID/exe`, `fd` and `ns` of processes of other users (`kernel/ptrace.c`).
/// - `CAP_DAC_READ_SEARCH`: to open watched paths in folders that are closed to others than their owner, and never to write.
pub(super) const KEPT: CapabilitySet =
    CapabilitySet::BPF.union(CapabilitySet::SYS_PTRACE).union(CapabilitySet::DAC_READ_SEARCH);

/// The bits of what this thread may use now; 0 when the kernel does not say.
#[must_use]
pub(super) fn effective() -> u64 {
    rustix::thread::capabilities(None).map_or(0, |had| had.effective.bits())
}

/// Leaves [`KEPT`], as far as the agent has it, in the effective and permitted sets, and nothing in the others. Gives the bits that are left,
/// by the numbers of `linux/capability.h`.
///
/// # Errors
/// What the kernel says; a bounding set that cannot be changed for lack of `CAP_SETPCAP` is no error.
pub(super) fn give_up() -> Result<u64, Errno> {
    // The bounding set first: taking from it needs CAP_SETPCAP, which goes with the rest. Under a service manager it may be missing already; then
    // `no_new_privs` alone keeps what would be executed from having more than we do (`cap_bprm_creds_from_file`, `security/commoncap.c`).
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        match capability_is_in_bounding_set(one) {
            Ok(true) => match remove_capability_from_bounding_set(one) {
                Ok(()) => {}
                Err(Errno::PERM) => break,
                Err(error) => return Err(error),
            },
            Ok(false) => {}
            // The first that this kernel does not know.
            Err(_) => break,
        }
    }
    clear_ambient_capability_set()?;
    let had = rustix::thread::capabilities(None)?;
    let kept = had.permitted & KEPT;
    set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() },
    )?;
    Ok(kept.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_setpcap_the_rest_goes_all_the_same() {
        let status = std::thread::spawn(|| {
            let had = rustix::thread::capabilities(None).unwrap();
            let less = had.permitted - CapabilitySet::SETPCAP;
            let none = CapabilitySet::empty();
            set_capabilities(None, CapabilitySets { effective: less, permitted: less, inheritable: none })
                .unwrap();
            assert_eq!(give_up(), Ok((had.permitted & KEPT).bits()));
            rustix::thread::capabilities(None).unwrap()
        });
        let left = status.join().unwrap();
        assert_eq!(
            (left.permitted - KEPT, left.effective - KEPT),
            (CapabilitySet::empty(), CapabilitySet::empty())
        );
    }

    /// Capabilities are a thread's own, so a thread of the test's can give them up.
    #[test]
    fn what_is_kept_is_all_that_is_left_and_cannot_be_gained_again() {
        let status = std::thread::spawn(|| {
            rustix::thread::set_no_new_privs(true).unwrap();
            assert_eq!(give_up(), give_up());
            assert_eq!(give_up(), Ok(effective()));
            let all = CapabilitySets {
                effective: CapabilitySet::SYS_ADMIN,
                permitted: CapabilitySet::SYS_ADMIN,
                inheritable: CapabilitySet::empty(),
            };
            let regained = set_capabilities(None, all);
            assert!(regained.is_err(), "gained again");
            std::fs::read_to_string("/proc/thread-self/status").unwrap()
        });
        let status = status.join().unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        assert_eq!(field("CapEff:") & !KEPT.bits(), 0, "{status}");
        assert_eq!(field("CapPrm:") & !KEPT.bits(), 0, "{status}");
        let had = std::fs::read_to_string("/proc/self/status").unwrap();
        let root = had.lines().any(|line| line.starts_with("CapPrm:") && line.contains("ffffffff"));
        if root {
            assert_eq!((field("CapEff:"), field("CapBnd:")), (KEPT.bits(), 0), "{status}");
        }
        assert_eq!((field("CapInh:"), field("CapAmb:"), field("NoNewPrivs:")), (0, 0, 1), "{status}");
    }
}
