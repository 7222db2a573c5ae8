//! Packs the committed kernel object, so that images carry a sixth of it.

#[path = "src/load/digest.rs"]
mod digest;
#[path = "src/load/pack.rs"]
mod pack;

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
    let mut object = fs::read(&path)?;
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "arm") {
        // 32-bit ARM has no LSM programs, and kprobes have panicked boards: what stands at security hooks is never loaded there.
        pack::empty_sections(&mut object, "lsm/")
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
    }
    let digest = digest::digest(&object);
    let packed = miniz_oxide::deflate::compress_to_vec(&pack::planes(&object), LEVEL);
    let mut file = (object.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(&packed);
    fs::write(Path::new(&out).join("edge-ebpf.o.deflate"), file)?;
    // Cargo runs this again when either changes; these lines are how it is told.
    let told = format!(
        "cargo::rerun-if-changed={OBJECT}\ncargo::rerun-if-changed=build.rs\n\
        cargo::rerun-if-changed=src/load/digest.rs\ncargo::rerun-if-changed=src/load/pack.rs\ncargo::rustc-env=EDGE_OBJECT_DIGEST={digest}\n"
    );
    io::Write::write_all(&mut io::stdout(), told.as_bytes())
}
