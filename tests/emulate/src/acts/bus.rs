//! `bus_flood`: a serial line or a CAN bus written to as fast as it goes; beside it, a driver's pace. Without `--path` the
//! line is a pseudo terminal of the act's own.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use super::Act;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::socket::{bind_can, interface, send, socket};
use crate::sys::{c_text, file};

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack(
        "bus_flood.tty",
        "[--path F] [--count 5000]",
        "frames to a serial line as fast as it goes",
        |options, tally| line(options, tally, 5000, 0),
    ),
    Act::attack(
        "bus_flood.can",
        "[--interface vcan0] [--count 5000]",
        "frames to a CAN bus as fast as it goes",
        |options, tally| can(options, tally, 5000, 0),
    )
    .in_guest(),
    Act::benign(
        "bus_flood.benign_tty",
        "[--path F] [--count 20] [--delay-ms 50]",
        "frames with pauses",
        |options, tally| line(options, tally, 20, 50),
    ),
    Act::benign(
        "bus_flood.benign_can",
        "[--interface vcan0] [--count 20] [--delay-ms 50]",
        "frames with pauses",
        |options, tally| can(options, tally, 20, 50),
    )
    .in_guest(),
];

/// A Modbus request: read ten registers of device 1, with its checksum. Nothing that hears it is changed by it.
const FRAME: [u8; 8] = [1, 3, 0, 0, 0, 10, 0xc5, 0xcd];

/// Writes frames to a serial line.
fn line(options: &Options, tally: &mut Tally, count: u32, delay_ms: u64) -> Result<(), Failure> {
    let count = options.value_or("count", count)?;
    let delay = Duration::from_millis(options.value_or("delay-ms", delay_ms)?);
    let (path, master) = if let Some(path) = options.text("path") {
        (path.into(), None)
    } else {
        let (master, path) = file::open_terminal().map_err(Failure::kernel("opening a terminal"))?;
        (path, Some(master))
    };
    let opened = OpenOptions::new().write(true).open(&path);
    // Someone must read what is written to a pseudo terminal; it ends when the writer hangs up.
    let reader = master.map(|master| std::thread::spawn(move || drain(master)));
    if let Some(mut line) = tally.deed("opening the line", opened)? {
        repeat(tally, count, delay, || line.write_all(&FRAME))?;
    }
    if let Some(reader) = reader {
        tally.add("read", reader.join().unwrap_or(0));
    }
    Ok(())
}

/// Writes frames to a CAN bus.
fn can(options: &Options, tally: &mut Tally, count: u32, delay_ms: u64) -> Result<(), Failure> {
    let count = options.value_or("count", count)?;
    let delay = Duration::from_millis(options.value_or("delay-ms", delay_ms)?);
    let name =
        c_text(options.text("interface").unwrap_or("vcan0")).map_err(Failure::kernel("naming the bus"))?;
    let opened = socket(libc::AF_CAN, libc::SOCK_RAW, libc::CAN_RAW);
    let Some(bus) = tally.deed("opening a CAN socket", opened)? else { return Ok(()) };
    interface(&name)
        .and_then(|number| bind_can(bus.as_fd(), number))
        .map_err(Failure::kernel("binding to the bus"))?;
    // Identifier 0x123, eight bytes.
    let mut frame = [0; 16];
    let head = 0x123_u32.to_ne_bytes().into_iter().chain([8, 0, 0, 0]).chain(FRAME);
    frame.iter_mut().zip(head).for_each(|(place, byte)| *place = byte);
    repeat(tally, count, delay, || match send(bus.as_fd(), &frame) {
        // The bus is full, which is what a flood is about.
        Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(()),
        sent => sent,
    })
}

/// Does a deed again and again.
fn repeat(
    tally: &mut Tally,
    count: u32,
    delay: Duration,
    mut deed: impl FnMut() -> io::Result<()>,
) -> Result<(), Failure> {
    for _ in 0..count {
        if tally.deed("writing a frame", deed())?.is_some() {
            tally.add("frames", 1);
        }
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
    }
    Ok(())
}

/// Reads until the other side has hung up; how many bytes came.
fn drain(mut master: File) -> u64 {
    let mut total = 0;
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = master.read(&mut bytes) {
        total += count as u64;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_arrives_at_the_other_side_of_the_line() {
        let words = "--count 300".split(' ').map(str::to_owned);
        let mut tally = Tally::default();
        line(&Options::parse(words).unwrap(), &mut tally, 1, 0).unwrap();
        // A terminal makes two bytes of a line feed, of which the frame has one.
        assert_eq!((tally.count("frames"), tally.count("read")), (300, 300 * 9));
    }
}
