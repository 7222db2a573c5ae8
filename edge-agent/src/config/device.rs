//! Which id this gateway has in topics: configured, else the machine id, else the host name.

use super::types::{DEVICE_ID_BYTES, Device};
use super::value::is_id;
use core::fmt;
use heapless::String;
use std::fs::File;
use std::io::Read;

/// Where systemd, `dbus-uuidgen` and most image recipes keep the machine id.
const MACHINE_ID_FILE: &str = "/etc/machine-id";
/// Where the kernel shows the host name.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";
/// Characters of a machine id.
const MACHINE_ID_BYTES: usize = 32;
/// Host names that many machines share, so that they identify none.
const SHARED_NAMES: [&str; 4] = ["(none)", "localhost", "localhost.localdomain", "buildroot"];

/// None of the three sources gives an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDeviceId;

impl fmt::Display for NoDeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no device id: `device.id` is empty, {MACHINE_ID_FILE} does not hold {MACHINE_ID_BYTES} hex digits, and \
             the host name is not usable as one"
        )
    }
}

impl std::error::Error for NoDeviceId {}

/// The id of this machine, reading what it needs.
///
/// # Errors
/// None of the three sources gives an id.
pub fn of_this_machine(device: &Device) -> Result<String<DEVICE_ID_BYTES>, NoDeviceId> {
    resolve(&device.id, first_line(MACHINE_ID_FILE).as_deref(), first_line(HOST_NAME_FILE).as_deref())
}

/// The id out of what is known: `configured` if not empty; else `machine_id` as it is if it is 32 hex digits, not all
/// the same (systemd writes `uninitialized` into fresh images, and zeros mean nothing); else `host_name` if it has the
/// form of an id and is not one that many machines share.
///
/// # Errors
/// None of the three gives an id.
pub fn resolve(
    configured: &str,
    machine_id: Option<&str>,
    host_name: Option<&str>,
) -> Result<String<DEVICE_ID_BYTES>, NoDeviceId> {
    let machine_id = machine_id.filter(|id| is_machine_id(id));
    let host_name = host_name.filter(|name| is_id(name) && !SHARED_NAMES.contains(name));
    let chosen = Some(configured).filter(|id| is_id(id)).or(machine_id).or(host_name);
    chosen.and_then(|id| String::try_from(id).ok()).ok_or(NoDeviceId)
}

/// Whether text is a machine id that was really made for one machine.
fn is_machine_id(id: &str) -> bool {
    let first = id.bytes().next();
    id.len() == MACHINE_ID_BYTES
        && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        && id.bytes().any(|byte| Some(byte) != first)
}

/// The first line of a small file, without blanks around it; `None` when it cannot be read.
fn first_line(path: &str) -> Option<String<DEVICE_ID_BYTES>> {
    // One byte more than an id, so that a longer line is refused instead of cut.
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(DEVICE_ID_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    let text = core::str::from_utf8(&bytes).ok()?;
    String::try_from(text.lines().next()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "4c3f6f1e8a5b4e7d9c0a1b2c3d4e5f60";

    #[test]
    fn the_configured_id_comes_first() {
        assert_eq!(resolve("gw-7", Some(MACHINE), Some("host")).as_deref(), Ok("gw-7"));
    }

    #[test]
    fn then_a_valid_machine_id_as_it_is() {
        assert_eq!(resolve("", Some(MACHINE), Some("host")).as_deref(), Ok(MACHINE));
        for wrong in ["", "uninitialized", &MACHINE[1..], &MACHINE.to_uppercase(), &"0".repeat(32)] {
            assert_eq!(resolve("", Some(wrong), Some("host")).as_deref(), Ok("host"), "{wrong}");
        }
    }

    #[test]
    fn then_a_host_name_of_its_own() {
        assert_eq!(resolve("", None, Some("gw-7.example")).as_deref(), Ok("gw-7.example"));
        for shared in ["localhost", "(none)", "", "a b", "a/b", &"h".repeat(65)] {
            assert_eq!(resolve("", None, Some(shared)), Err(NoDeviceId), "{shared}");
        }
        assert_eq!(resolve("", None, None), Err(NoDeviceId));
    }

    #[test]
    fn the_error_names_all_three_ways() {
        let told = NoDeviceId.to_string();
        assert!(["device.id", MACHINE_ID_FILE, "host name"].iter().all(|way| told.contains(way)), "{told}");
    }
}
