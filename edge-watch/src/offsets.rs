//! `offsets`: the offsets file of a kernel that carries no BTF, made when the image is built, from that kernel's own `vmlinux`.

use std::fs::{self, File};
use std::io::Write as _;

use edge_abi::Offset;
use edge_btf::{FileSource, Places, Vmlinux};

use crate::cli::OffsetsOptions;
use crate::error::WatchError;

/// Reads, checks that the agent can use it, writes.
pub(crate) fn run(options: &OffsetsOptions) -> Result<(), WatchError> {
    let input = |source| WatchError::Input { path: options.file.clone(), source };
    let source = File::open(&options.file).and_then(FileSource::new).map_err(input)?;
    let (places, build_id) = read(source, options)?;
    if let Some(member) = places.missing() {
        let what = format!("{}.{} is not there, or of another size", member.structure(), member.way());
        return Err(unusable(options, what));
    }
    let file = places.to_file(&build_id).map_err(|error| unusable(options, error))?;
    let save = |source| WatchError::Save { path: options.out.clone(), source };
    let bytes = file.encode();
    fs::write(&options.out, &bytes).map_err(save)?;
    let line = format!(
        "{}: {} bytes, {} of {} members, for the kernel with build id {}\n",
        options.out.display(),
        bytes.len(),
        file.len(),
        Offset::ALL.len(),
        build_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    );
    std::io::stdout().write_all(line.as_bytes()).map_err(WatchError::Output)
}

/// The places of members, and the build id.
fn read(source: FileSource, options: &OffsetsOptions) -> Result<(Places, Vec<u8>), WatchError> {
    if options.is_btf {
        let (places, _) = Places::scan(source, &[]).map_err(|error| unusable(options, error))?;
        return Ok((places, options.build_id.clone()));
    }
    let vmlinux = Vmlinux::find(source).map_err(|error| unusable(options, error))?;
    let build_id = if options.build_id.is_empty() { vmlinux.build_id } else { options.build_id.clone() };
    if build_id.is_empty() {
        return Err(unusable(options, "has no build id; state it with --build-id"));
    }
    let (places, _) = Places::scan(vmlinux.btf, &[]).map_err(|error| unusable(options, error))?;
    Ok((places, build_id))
}

/// The kernel cannot be used.
fn unusable(
    options: &OffsetsOptions,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> WatchError {
    WatchError::Kernel { path: options.file.clone(), source: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::chain;
    use edge_btf::{OffsetsFile, build_id_of_notes};
    use std::path::PathBuf;

    /// Options with an output of the test's own.
    fn options(file: &str, is_btf: bool, build_id: &[u8], name: &str) -> OffsetsOptions {
        let out = std::env::temp_dir().join(format!("edge-offsets-{name}-{}", std::process::id()));
        OffsetsOptions { file: PathBuf::from(file), is_btf, build_id: build_id.to_vec(), out }
    }

    #[test]
    fn this_machines_own_btf_becomes_a_file_for_this_kernel() {
        let Ok(notes) = fs::read("/sys/kernel/notes") else { return };
        let id = build_id_of_notes(&notes).unwrap();
        let options = options("/sys/kernel/btf/vmlinux", true, &id, "own");
        if fs::metadata(&options.file).is_err() {
            return;
        }
        run(&options).unwrap();
        let bytes = fs::read(&options.out).unwrap();
        let _ = fs::remove_file(&options.out);
        let file = OffsetsFile::decode(&bytes).unwrap();
        assert_eq!(file.check_kernel(&id), Ok(()));
        assert_eq!(Places::of_file(&file).missing(), None);
        assert!(bytes.len() < 2048, "{} bytes", bytes.len());
    }

    #[test]
    fn what_is_no_kernel_is_named_with_its_reason() {
        let error = run(&options("/proc/self/exe", false, &[], "elf")).unwrap_err();
        assert!(chain(&error).contains("has no .BTF"), "{}", chain(&error));
        assert_eq!(error.exit_code(), 1);
        let error = run(&options("/proc/self/exe", true, &[1], "btf")).unwrap_err();
        assert!(chain(&error).contains("not with BTF's 0xeb9f"), "{}", chain(&error));
        assert!(matches!(run(&options("/nowhere", true, &[1], "none")), Err(WatchError::Input { .. })));
    }
}
