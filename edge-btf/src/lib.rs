//! Where the fields of kernel structs lie, in bounded memory.
//!
//! BTF is the kernel's description of its own types: `/sys/kernel/btf/vmlinux`, Linux 5.4 with `CONFIG_DEBUG_INFO_BTF`, format in
//! `include/uapi/linux/btf.h`. It takes 4 to 6 MB; a graph of its types takes several times that. This crate never holds more
//! than two windows of 4 KiB of it, a sparse index of 16 KiB, and the names that were asked for: [`Btf::scan`] goes once through
//! the strings and once through the types, and what is asked afterwards ([`Btf::member`], [`Btf::size`], [`Btf::prototype`])
//! reads the few types it needs again.
//!
//! Nothing read is trusted: every number is compared with its limit before it is used, and an error names field, value and limit
//! ([`BtfError`]). Where a struct has several definitions that differ, its layout is unknown rather than one of them.
//!
//! ```
//! # fn main() -> Result<(), edge_btf::BtfError> {
//! # let Ok(file) = std::fs::File::open("/sys/kernel/btf/vmlinux") else { return Ok(()) };
//! # let Ok(source) = edge_btf::FileSource::new(file) else { return Ok(()) };
//! let mut btf = edge_btf::Btf::scan(source, &edge_btf::Wanted {
//!     members: &[("file", "f_inode"), ("dentry", "d_name.len")],
//!     functions: &["vfs_open"],
//! })?;
//! if let Some(member) = btf.member("dentry", "d_name.len")? {
//!     println!("length of a name at byte {}, {} bytes", member.offset, member.bytes);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod elf;
mod error;
mod header;
mod layout;
mod member;
mod offsets;
mod places;
mod prototype;
mod record;
mod scan;
mod source;

pub use elf::{ElfError, Vmlinux, build_id_of_notes};
pub use error::BtfError;
pub use member::Member;
pub use offsets::{BUILD_ID_BYTES, MAX_ENTRIES, OffsetsError, OffsetsFile};
pub use places::Places;
pub use scan::{Btf, Wanted};
pub use source::{FileSource, Part, Source};
