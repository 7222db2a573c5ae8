//! The compiler that builds what stable rustup cannot: the BPF target, and a standard library for static ARM programs.
//!
//! Debian 12 carries it as `rustc-web` beside any rustup installation. Elsewhere a rustup nightly with `rust-src` does
//! the same work; only the bytes of the eBPF object differ then.

use crate::process;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Where Debian puts the compiler; rustup never does.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Debian's cargo of the same version.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// Debian's clippy of the same version.
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";
/// The oldest release that builds our dependencies; Debian 12's stock `rustc` package is older and not meant.
const OLDEST: (u32, u32) = (1, 88);

/// Where the compiler comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Debian's `rustc-web` and `cargo-web`, with a prebuilt `core` for BPF.
    Debian,
    /// A rustup nightly; builds `core` from `rust-src`.
    Nightly,
}

/// A compiler that was found and asked for its version.
#[derive(Debug, Clone)]
pub(crate) struct Compiler {
    /// Debian's or rustup's.
    pub(crate) origin: Origin,
    /// One line that identifies it, with its LLVM: the same line means the same bytes from the same sources.
    pub(crate) version: String,
    /// The folder that holds `lib/rustlib`.
    pub(crate) sysroot: PathBuf,
}

impl Compiler {
    /// Finds Debian's compiler, else a rustup nightly.
    ///
    /// # Errors
    /// When neither is there.
    pub(crate) fn find() -> Result<Self> {
        if let Some(found) = Self::ask(Origin::Debian)? {
            return Ok(found);
        }
        match Self::ask(Origin::Nightly)? {
            Some(found) if found.sources().is_dir() => Ok(found),
            Some(_) => bail!("rustup's nightly has no rust-src (see `cargo xtask setup --explain`)"),
            None => bail!(
                "neither Debian's rustc-web nor a rustup nightly is installed (see `cargo xtask setup --explain`)"
            ),
        }
    }

    /// Makes `command`, a cargo or something that starts cargo, use this compiler.
    pub(crate) fn select<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match self.origin {
            // The variable opens `-Z` options; Debian's compiler is a release.
            Origin::Debian => {
                command.env("CARGO", DEBIAN_CARGO).env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1")
            }
            Origin::Nightly => command.env("RUSTUP_TOOLCHAIN", "nightly"),
        }
    }

    /// A cargo of this compiler, free of variables that steer it.
    pub(crate) fn cargo(&self) -> Command {
        let program = if self.origin == Origin::Debian { DEBIAN_CARGO } else { "cargo" };
        let mut command = process::pristine(program);
        self.select(&mut command);
        command
    }

    /// clippy of this compiler, with `clippy` as its first argument.
    pub(crate) fn clippy(&self) -> Command {
        // rustup's cargo finds its own; Debian's would look along `PATH`, where rustup's stands first.
        let mut command = if self.origin == Origin::Debian {
            process::pristine(DEBIAN_CLIPPY)
        } else {
            process::pristine("cargo")
        };
        command.arg("clippy");
        self.select(&mut command);
        command
    }

    /// Whether [`Compiler::clippy`] can be started.
    pub(crate) fn has_clippy(&self) -> bool {
        self.origin == Origin::Nightly || std::path::Path::new(DEBIAN_CLIPPY).is_file()
    }

    /// The standard library's sources.
    pub(crate) fn sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust/library")
    }

    /// Whether the compiler comes with a built `core` for `target`.
    pub(crate) fn has_target(&self, target: &str) -> bool {
        self.sysroot.join("lib/rustlib").join(target).is_dir()
    }

    /// Asks the `rustc` of `origin` for version and sysroot; `None` when it is absent or too old.
    fn ask(origin: Origin) -> Result<Option<Self>> {
        let rustc = |argument: &str| {
            let mut rustc = process::pristine(if origin == Origin::Debian { DEBIAN_RUSTC } else { "rustc" });
            if origin == Origin::Nightly {
                rustc.env("RUSTUP_TOOLCHAIN", "nightly");
            }
            process::capture(rustc.arg(argument))
        };
        // Absent and broken look alike here: either way this compiler is not the one.
        // rustc ignores what it should print beside `-vV`, so that two questions are needed.
        let Ok(text) = rustc("-vV") else { return Ok(None) };
        let (release, version) = describe(&text).context("`rustc -vV` has no release line")?;
        if release < OLDEST {
            return Ok(None);
        }
        let sysroot = rustc("--print=sysroot")?;
        Ok(Some(Self { origin, version, sysroot: sysroot.trim().into() }))
    }
}

/// The release (major, minor) that `rustc -vV` tells, and its first line with the LLVM version appended.
fn describe(text: &str) -> Option<((u32, u32), String)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let mut numbers = field("release:")?.split('.').map(str::parse);
    let release = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let first = text.lines().find(|line| line.starts_with("rustc "))?;
    Some((release, format!("{first}, LLVM {}", field("LLVM version:").unwrap_or("unknown"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_and_version_are_read() {
        let text =
            "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(
            describe(text).unwrap(),
            ((1, 96), "rustc 1.96.0 (ac68faa20 2026-05-25), LLVM 22.1.8".to_owned())
        );
    }

    #[test]
    fn an_answer_without_release_is_none() {
        assert_eq!(describe("rustc 1.96.0\n"), None);
    }
}
