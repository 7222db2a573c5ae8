//! `sysctl_tamper`: kernel settings changed and put back; beside them, settings that are read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use super::Act;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "sysctl_tamper.core_pattern",
        "[--value core.edge]",
        "where the kernel writes or pipes core dumps",
        |options, tally| change(options, tally, "kernel/core_pattern", "core.edge"),
    )
    .in_guest(),
    Act::attack(
        "sysctl_tamper.modprobe",
        "[--value /bin/true]",
        "the program that the kernel starts for modules",
        |options, tally| change(options, tally, "kernel/modprobe", "/bin/true"),
    )
    .in_guest(),
    Act::attack(
        "sysctl_tamper.ip_forward",
        "[--value 1]",
        "forwarding between networks",
        |options, tally| change(options, tally, "net/ipv4/ip_forward", "1"),
    )
    .in_guest(),
    Act::attack("sysctl_tamper.kptr_restrict", "[--value 0]", "kernel addresses shown", |options, tally| {
        change(options, tally, "kernel/kptr_restrict", "0")
    })
    .in_guest(),
    Act::attack("sysctl_tamper.any", "--name kernel/NAME --value V", "another setting", |options, tally| {
        let name = options.required("name")?.to_owned();
        change(options, tally, &name, options.required("value")?)
    })
    .in_guest(),
    Act::benign("sysctl_tamper.benign_read", "", "the same settings, read", |_, tally| {
        for name in ["kernel/core_pattern", "kernel/modprobe", "net/ipv4/ip_forward", "kernel/kptr_restrict"]
        {
            tally.deed("reading a setting", fs::read(place(name)?))?;
        }
        Ok(())
    }),
    Act::benign(
        "sysctl_tamper.benign_write",
        "",
        "a setting that no attack needs: vm/swappiness",
        |options, tally| change(options, tally, "vm/swappiness", "50"),
    )
    .in_guest(),
];

/// Writes a setting, then what it was. A write that is denied leaves nothing to put back.
fn change(options: &Options, tally: &mut Tally, name: &str, value: &str) -> Result<(), Failure> {
    let path = place(name)?;
    let old = fs::read(&path).map_err(Failure::file("reading", &path))?;
    let write = |value: &[u8]| OpenOptions::new().write(true).open(&path)?.write_all(value);
    let value = options.text("value").unwrap_or(value);
    if tally.deed("writing a setting", write(value.as_bytes()))?.is_some() {
        // An agent may deny from here on; the guest is thrown away anyway.
        tally.add("restored", write(&old).is_ok().into());
    }
    Ok(())
}

/// Where a setting is; only names that stay below /proc/sys.
fn place(name: &str) -> Result<PathBuf, Failure> {
    let plain = name.split('/').all(|part| !part.is_empty() && part != ".." && part != ".");
    if plain {
        Ok(PathBuf::from("/proc/sys").join(name))
    } else {
        Err(Failure::Usage(format!("option --name does not take `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stay_below_proc_sys() {
        assert_eq!(place("kernel/modprobe").unwrap(), PathBuf::from("/proc/sys/kernel/modprobe"));
        for wrong in ["", "/etc/passwd", "../cmdline", "kernel/../../cmdline", "a//b"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
