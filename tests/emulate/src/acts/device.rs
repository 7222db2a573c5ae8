//! `device_tamper`: devices opened for writing, without a byte written; beside them, one that is read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

use super::Act;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::{c_text, file};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "device_tamper.write_open",
        "[--path /dev/mem]",
        "opens a device for reading and writing",
        |options, tally| existing(options, tally, true),
    )
    .in_guest(),
    Act::attack(
        "device_tamper.node",
        "--path F [--node c:90:0]",
        "makes a node (c or b, major, minor), opens it for writing, removes it",
        |options, tally| node(options, tally, true),
    )
    .in_guest(),
    Act::attack(
        "device_tamper.truncate_open",
        "[--path /dev/mem]",
        "opens a device for writing only, with O_TRUNC",
        truncate,
    )
    .in_guest(),
    Act::attack(
        "device_tamper.watchdog",
        "[--path /dev/watchdog]",
        "opens a watchdog and asks it to stop",
        watchdog,
    )
    .in_guest(),
    Act::benign(
        "device_tamper.benign_read",
        "[--path /dev/mem]",
        "opens a device for reading",
        |options, tally| existing(options, tally, false),
    )
    .in_guest(),
    Act::benign(
        "device_tamper.benign_node_read",
        "--path F [--node c:90:0]",
        "makes a node, opens it for reading",
        |options, tally| node(options, tally, false),
    )
    .in_guest(),
    Act::benign("device_tamper.benign_null", "", "opens /dev/null for writing", |_, tally| {
        tally.deed("opening the device", open(Path::new("/dev/null"), true)).map(drop)
    }),
];

/// What a node without a driver answers: a sensor has seen the open all the same.
const NO_DRIVER: [i32; 2] = [libc::ENXIO, libc::ENODEV];

/// Opens a device that is there.
fn existing(options: &Options, tally: &mut Tally, write: bool) -> Result<(), Failure> {
    let path = Path::new(options.text("path").unwrap_or("/dev/mem"));
    require(path)?;
    tally.futile("opening the device", &NO_DRIVER, open(path, write)).map(drop)
}

/// Opens a device as a shell's `>` does.
fn truncate(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = Path::new(options.text("path").unwrap_or("/dev/mem"));
    require(path)?;
    let opened = OpenOptions::new().write(true).truncate(true).open(path);
    tally.futile("opening the device", &NO_DRIVER, opened).map(drop)
}

/// Makes a node, opens it, removes it.
fn node(options: &Options, tally: &mut Tally, write: bool) -> Result<(), Failure> {
    let path = options.path("path")?;
    let text = options.text("node").unwrap_or("c:90:0");
    let (kind, major, minor) =
        parse(text).ok_or_else(|| Failure::Usage(format!("option --node does not take `{text}`")))?;
    let name = c_text(&path).map_err(Failure::file("naming", &path))?;
    if tally.deed("making a node", file::make_node(&name, kind, major, minor))?.is_none() {
        return Ok(());
    }
    let opened = tally.futile("opening the device", &NO_DRIVER, open(&path, write));
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    opened.map(drop)
}

/// Opens a watchdog for writing, as starting it needs, and asks it to stop.
fn watchdog(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = Path::new(options.text("path").unwrap_or("/dev/watchdog"));
    require(path)?;
    if let Some(device) = tally.futile("opening the watchdog", &NO_DRIVER, open(path, true))? {
        // A terminal or a plain file in its place does not know the request.
        tally.futile(
            "stopping the watchdog",
            &[libc::ENOTTY, libc::EINVAL],
            file::disable_watchdog(device.as_fd()),
        )?;
    }
    Ok(())
}

/// A device that is not there is something the machine lacks.
fn require(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Ok(());
    }
    Err(Failure::Unsupported {
        action: "opening the device",
        source: io::Error::from_raw_os_error(libc::ENODEV),
    })
}

/// Opens a device for reading, or for both.
fn open(path: &Path, write: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(write).open(path)
}

/// Reads `c:MAJOR:MINOR` or `b:MAJOR:MINOR`.
fn parse(text: &str) -> Option<(libc::mode_t, u32, u32)> {
    let mut words = text.split(':');
    let kind = match words.next()? {
        "b" => libc::S_IFBLK,
        "c" => libc::S_IFCHR,
        _ => return None,
    };
    let numbers = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some((kind, numbers.0, numbers.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_read_and_others_refused() {
        assert_eq!(parse("b:179:0"), Some((libc::S_IFBLK, 179, 0)));
        assert_eq!(parse("c:90:2"), Some((libc::S_IFCHR, 90, 2)));
        for wrong in ["", "c", "c:1", "c:1:x", "p:1:2", "c:1:2:3"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
