//! What the guest's kernel says of its own types: prototypes for the tests to compare, and offsets files, also wrong ones.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use edge_abi::Offset;
use edge_btf::{Btf, FileSource, Places, Wanted, build_id_of_notes};

use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// The kernel's BTF.
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// The kernel's ELF notes.
const NOTES: &str = "/sys/kernel/notes";

/// The prototypes of functions, one a line: name, colon, prototype or `none`.
pub(crate) fn prototypes(options: &Options) -> Result<Vec<String>, Failure> {
    let names: Vec<&str> = options.required("functions")?.split(',').collect();
    let wanted = Wanted { members: &[], functions: &names };
    let mut btf = Btf::scan(source()?, &wanted).map_err(wrong)?;
    let mut lines = Vec::new();
    for name in &names {
        let prototype = btf.prototype(name).map_err(wrong)?;
        lines.push(format!("{name}: {}", prototype.as_deref().unwrap_or("none")));
    }
    Ok(lines)
}

/// Writes an offsets file of the running kernel. `--wrong STRUCT.MEMBER` moves that member by 8 bytes, `--foreign 1` makes it one of
/// another kernel.
pub(crate) fn offsets(options: &Options) -> Result<Report, Failure> {
    let report = Report::start("offsets");
    let (mut places, _) = Places::scan(source()?, &[]).map_err(wrong)?;
    if let Some(name) = options.text("wrong") {
        let known =
            Offset::ALL.iter().find(|member| format!("{}.{}", member.structure(), member.way()) == name);
        let member = known.ok_or_else(|| Failure::Usage(format!("no member is called `{name}`")))?;
        if let Some(place) = places.offsets.get_mut(member.slot()) {
            *place += 8;
        }
    }
    let notes = fs::read(NOTES).map_err(Failure::file("reading", Path::new(NOTES)))?;
    let mut build_id = build_id_of_notes(&notes).unwrap_or_default();
    if options.text("foreign").is_some() {
        build_id.reverse();
    }
    let file = places.to_file(&build_id).map_err(wrong)?;
    let out = options.path("out")?;
    fs::write(&out, file.encode()).map_err(Failure::file("writing", &out))?;
    Ok(report.count("members", file.len() as u64))
}

/// The kernel's BTF, opened.
fn source() -> Result<FileSource, Failure> {
    let opened = File::open(BTF).and_then(FileSource::new);
    opened.map_err(|_| Failure::Unsupported {
        action: "reading the kernel's BTF",
        source: io::Error::from_raw_os_error(libc::ENODEV),
    })
}

/// What the kernel tells of itself is not as it must be.
fn wrong(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Kernel { action: "using the kernel's own description", source: io::Error::other(error) }
}
