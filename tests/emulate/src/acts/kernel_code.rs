//! `kernel_code`: code for the kernel, none of which gets there: garbage modules, a filter attached to nothing, no kernel;
//! beside them, a look at what is loaded.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::thread::sleep;
use std::time::Duration;

use super::Act;
use super::program::stay_ms;
use super::tally::Tally;
use crate::failure::Failure;
use crate::options::Options;
use crate::sys::kernel;

/// The acts of this family.
pub(super) const ACTS: &[Act] = &[
    Act::attack("kernel_code.init_module", "", "loads garbage from memory as a module", |_, tally| {
        tally.futile("loading a module", &NOT_A_MODULE, kernel::load_module(GARBAGE)).map(drop)
    })
    .in_guest(),
    Act::attack(
        "kernel_code.finit_module",
        "--dir D [--stay-ms M]",
        "loads garbage from a file as a module",
        finit_module,
    )
    .in_guest(),
    Act::attack("kernel_code.bpf_load", "", "loads a socket filter of two instructions", |_, tally| {
        tally.deed("loading a program", kernel::load_filter()).map(drop)
    })
    .in_guest(),
    Act::attack("kernel_code.kexec", "", "kexec_load without a kernel", |_, tally| {
        tally.futile("loading a kernel", &[libc::EINVAL], kernel::load_no_kernel()).map(drop)
    })
    .in_guest(),
    Act::benign("kernel_code.benign_list", "", "reads the list of modules", |_, tally| {
        let path = "/proc/modules";
        // A kernel that takes no modules has no list.
        tally.futile("reading the list", &[libc::ENOENT], fs::read(path)).map(drop)
    }),
    Act::benign("kernel_code.benign_bpf_lookup", "", "names maps, looks up in none", |_, tally| {
        let none = [libc::ENOENT, libc::EBADF];
        tally.futile("naming maps", &none, kernel::next_map(0))?;
        tally.futile("looking up", &none, kernel::look_up_nothing()).map(drop)
    })
    .in_guest(),
];

/// What no loader takes for a module, although it begins like one.
const GARBAGE: &[u8] =
    b"\x7fELF edge-emulate: this is no module, and it is long enough to have the header that one would have";
/// What kernels answer to garbage; those that want signatures complain of that first.
const NOT_A_MODULE: [i32; 4] = [libc::ENOEXEC, libc::EKEYREJECTED, libc::ENOKEY, libc::EBADMSG];

/// Loads garbage from a file.
fn finit_module(options: &Options, tally: &mut Tally) -> Result<(), Failure> {
    let path = options.path("dir")?.join("edge-garbage.ko");
    fs::write(&path, GARBAGE).map_err(Failure::file("writing", &path))?;
    let file = File::open(&path).map_err(Failure::file("opening", &path))?;
    let loaded = tally.futile("loading a module", &NOT_A_MODULE, kernel::load_module_file(file.as_fd()));
    // Where only the syscall is seen, an agent looks at what the process has open.
    sleep(Duration::from_millis(stay_ms(options)?));
    fs::remove_file(&path).map_err(Failure::file("removing", &path))?;
    loaded.map(drop)
}
