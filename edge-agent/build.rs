//! Packs the committed kernel object, so that images carry a fifth of it.

use std::path::Path;
use std::{env, fs, io};

/// Where the object stands, seen from this crate.
const OBJECT: &str = "../edge-ebpf/dist/edge-ebpf.o";

/// The best the format offers; it costs half a second once.
const LEVEL: u8 = 10;

fn main() -> io::Result<()> {
    let missing = |name: &str| io::Error::new(io::ErrorKind::NotFound, format!("cargo did not set {name}"));
    let manifest = env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| missing("CARGO_MANIFEST_DIR"))?;
    let out = env::var_os("OUT_DIR").ok_or_else(|| missing("OUT_DIR"))?;
    let path = Path::new(&manifest).join(OBJECT);
    let object = fs::read(&path)?;
    let packed = miniz_oxide::deflate::compress_to_vec(&object, LEVEL);
    let mut file = (object.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(&packed);
    fs::write(Path::new(&out).join("edge-ebpf.o.deflate"), file)?;
    // Cargo runs this again when either changes; these lines are how it is told.
    let told = format!("cargo::rerun-if-changed={OBJECT}\ncargo::rerun-if-changed=build.rs\n");
    io::Write::write_all(&mut io::stdout(), told.as_bytes())
}
