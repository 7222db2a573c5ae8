//! `offsets`: the offsets file of a kernel that carries no BTF, made when the image is built, from that kernel's own `vmlinux`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use edge_abi::Offset;
use edge_btf::{BUILD_ID_BYTES, FileSource, Places, Vmlinux};
use lexopt::Parser;
use lexopt::prelude::{Long, Short};

use crate::cli::{Verb, checked};
use crate::error::WatchError;

/// Options of `offsets`.
#[derive(Debug)]
pub(crate) struct OffsetsOptions {
    /// A `vmlinux`, or a BTF.
    pub(crate) file: PathBuf,
    /// Whether it is a BTF alone.
    pub(crate) is_btf: bool,
    /// The kernel's build id; empty where the `vmlinux` tells it.
    pub(crate) build_id: Vec<u8>,
    /// The file to make.
    pub(crate) out: PathBuf,
}

/// Options of `offsets`.
pub(crate) fn options(mut parser: Parser) -> Result<Verb, lexopt::Error> {
    let (mut file, mut build_id, mut out) = (None, Vec::new(), None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Verb::Help),
            Long(name @ ("vmlinux" | "btf")) => {
                let is_btf = name == "btf";
                if file.replace((PathBuf::from(parser.value()?), is_btf)).is_some() {
                    return Err("--vmlinux and --btf name one file".into());
                }
            }
            Long("build-id") => {
                build_id = checked(&mut parser, "build-id", "2..64 hexadecimal digits", hex)?;
            }
            Long("out") => out = Some(PathBuf::from(parser.value()?)),
            other => return Err(other.unexpected()),
        }
    }
    let (file, is_btf) = file.ok_or("offsets needs --vmlinux or --btf")?;
    if is_btf && build_id.is_empty() {
        return Err("--btf needs --build-id, since a BTF does not tell its kernel".into());
    }
    let out = out.ok_or("offsets needs --out")?;
    Ok(Verb::Offsets(OffsetsOptions { file, is_btf, build_id, out }))
}

/// A build id.
fn hex(text: &str) -> Option<Vec<u8>> {
    let fits = text.len().is_multiple_of(2) && (2..=2 * BUILD_ID_BYTES).contains(&text.len());
    let pair = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (fits && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| (0..text.len()).step_by(2).map_while(pair).collect())
}

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
        build_id.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
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

    /// Options with an output of the test's own.
    fn made(file: &str, is_btf: bool, build_id: &[u8], name: &str) -> OffsetsOptions {
        let out = std::env::temp_dir().join(format!("edge-offsets-{name}-{}", std::process::id()));
        OffsetsOptions { file: PathBuf::from(file), is_btf, build_id: build_id.to_vec(), out }
    }

    fn read(line: &str) -> Result<Verb, lexopt::Error> {
        options(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn an_offsets_file_needs_a_kernel_and_its_build_id() {
        let Ok(Verb::Offsets(options)) = read("--btf b --build-id 0aFF --out o") else { panic!("not taken") };
        assert_eq!((options.is_btf, options.build_id), (true, vec![0x0a, 0xff]));
        assert!(matches!(read("--vmlinux v --out o"), Ok(Verb::Offsets(_))));
        for line in
            ["", "--vmlinux v", "--out o", "--btf b --out o", "--vmlinux v --btf b --build-id 00 --out o"]
        {
            assert!(read(line).is_err(), "{line} was taken");
        }
        let long = "00".repeat(33);
        for id in ["0", "xx", "+1", long.as_str()] {
            assert!(read(&format!("--btf b --build-id {id} --out o")).is_err(), "{id} was taken");
        }
    }

    #[test]
    fn this_machines_own_btf_becomes_a_file_for_this_kernel() {
        let Ok(notes) = fs::read("/sys/kernel/notes") else { return };
        let id = build_id_of_notes(&notes).unwrap();
        let options = made("/sys/kernel/btf/vmlinux", true, &id, "own");
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
        let error = run(&made("/proc/self/exe", false, &[], "elf")).unwrap_err();
        assert!(chain(&error).contains("has no .BTF"), "{}", chain(&error));
        assert_eq!(error.exit_code(), 1);
        let error = run(&made("/proc/self/exe", true, &[1], "btf")).unwrap_err();
        assert!(chain(&error).contains("not with BTF's 0xeb9f"), "{}", chain(&error));
        assert!(matches!(run(&made("/nowhere", true, &[1], "none")), Err(WatchError::Input { .. })));
    }
}
