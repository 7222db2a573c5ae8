//! What stands for the toolchain that `cross` mounts into its containers: rustc and cargo in one folder, with a compiled
//! standard library for the target as rustup has it. rustup's own is not asked for, since that would change the machine.
//!
//! It is Debian's compiler. Start files and C library are those of the image's musl-dev, the unwinder is LLVM's as zig builds it.

use super::chroot::Chroot;
use crate::compiler::{Compiler, Origin};
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The manifest of a crate with nothing in it, along with which std is built. The runtime that aborts must be compiled so;
/// the workspace of std asks the same of its own builds.
const MANIFEST: &str = r#"cargo-features = ["profile-rustflags"]
[package]
name = "nothing"
edition = "2024"
[workspace]
[profile.release.package.panic_abort]
rustflags = ["-Cpanic=abort"]
"#;
/// What rustup's standard library consists of.
const CRATES: &str = "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test";
/// Libraries that the image has by itself.
const OF_THE_IMAGE: &[&str] =
    &["libc.so", "libm.so", "libresolv.so", "libpthread.so", "libdl.so", "librt.so"];

/// Puts the toolchain for `triple` into `folder`, with what is taken from the image.
///
/// # Errors
/// A compiler that is not Debian's, a standard library that does not build, an image without musl.
pub(super) fn make(
    workspace: &Workspace,
    folder: &Path,
    triple: &str,
    (gnu, musl): (&str, &str),
    image: &Chroot,
) -> Result<()> {
    let compiler = Compiler::find()?;
    ensure!(compiler.origin == Origin::Debian, "this verb takes Debian's rustc-web apart, and there is none");
    let (programs, libraries) = (folder.join("bin"), folder.join("lib"));
    let host = libraries.join("rustlib");
    for made in [&programs, &host] {
        fs::create_dir_all(made)?;
    }
    for name in ["rustc", "cargo", "rustdoc"] {
        copy(&Path::new("/usr/bin").join(name), &programs)?;
        for library in needed(&Path::new("/usr/bin").join(name))? {
            copy(&library, &libraries)?;
        }
    }
    let mut std = process::command("cp");
    std.arg("-rLT").arg(compiler.sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu"));
    process::capture(std.arg(host.join("x86_64-unknown-linux-gnu")))?;
    let library = host.join(triple).join("lib");
    if library.exists() {
        fs::remove_dir_all(&library)?;
    }
    let own = library.join("self-contained");
    fs::create_dir_all(&own)?;
    for path in built(&compiler, &folder.with_extension("std"), triple)? {
        copy(&path, &library)?;
    }
    copy(&unwinder(workspace, &folder.with_extension("zig"), musl)?, &own)?;
    let (musl, gcc) = (format!("usr/lib/{musl}"), format!("usr/lib/gcc-cross/{gnu}/12"));
    for (from, names) in
        [(&musl, &["crt1.o", "crti.o", "crtn.o", "libc.a"][..]), (&gcc, &["crtbegin.o", "crtend.o"])]
    {
        for name in names {
            copy(&image.file(&format!("{from}/{name}")), &own)?;
        }
    }
    Ok(())
}

/// Builds the standard library in `folder`, and tells its files.
fn built(compiler: &Compiler, folder: &Path, triple: &str) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), MANIFEST)?;
    fs::write(folder.join("src/lib.rs"), "#![no_std]\n")?;
    let mut cargo = compiler.cargo();
    cargo.args(["build", "--release", "--message-format=json", CRATES, "--target", triple, "--target-dir"]);
    // As rustup's, it can be linked as it is and be optimised with the program; cargo's profiles make one or the other.
    cargo.arg(folder.join("target")).env("RUSTFLAGS", "-Cembed-bitcode=yes").current_dir(folder);
    let messages = process::capture(&mut cargo)?;
    let files: Vec<_> = messages.lines().flat_map(libraries_of).collect();
    ensure!(!files.is_empty(), "cargo named no library");
    Ok(files)
}

/// LLVM's unwinder as zig builds it for a target, in `folder`. GCC's wants a function of glibc on aarch64.
fn unwinder(workspace: &Workspace, folder: &Path, target: &str) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let source = folder.join("nothing.c");
    fs::write(&source, "int main(void) { return 0; }\n")?;
    let mut zig = process::command(workspace.venv().join("bin/python3"));
    zig.args(["-m", "ziglang", "cc", "-static", "-target", target, "-lunwind"]).arg(&source);
    zig.arg("-o").arg(folder.join("nothing"));
    for name in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
        zig.env(name, folder);
    }
    process::capture(&mut zig)?;
    let objects = fs::read_dir(folder.join("o")).context("zig made no objects")?;
    let mut found = objects.flatten().map(|entry| entry.path().join("libunwind.a"));
    found.find(|path| path.is_file()).context("zig made no libunwind.a")
}

/// The libraries that one of cargo's messages says were made, but for the crate with nothing in it.
fn libraries_of(message: &str) -> Vec<PathBuf> {
    let Ok(message) = serde_json::from_str::<serde_json::Value>(message) else { return Vec::new() };
    let files = message.get("filenames").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    let names = files.iter().filter_map(serde_json::Value::as_str).map(PathBuf::from);
    names
        .filter(|path| path.extension().is_some_and(|kind| kind == "rlib"))
        .filter(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with("libnothing"))
        .collect()
}

/// The shared libraries that `program` loads and the image lacks.
fn needed(program: &Path) -> Result<BTreeSet<PathBuf>> {
    let text = process::capture(process::command("ldd").arg(program))?;
    let paths = text.lines().filter_map(|line| line.split_once("=> ")?.1.split(' ').next());
    Ok(paths
        .filter(|path| !OF_THE_IMAGE.iter().any(|name| path.contains(&format!("/{name}"))))
        .map(PathBuf::from)
        .collect())
}

/// Copies a file into a folder.
fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().with_context(|| format!("{} is no file", file.display()))?;
    fs::copy(file, folder.join(name)).with_context(|| file.display().to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_are_taken() {
        let message = r#"{"filenames":["/t/deps/libcore-1.rlib","/t/deps/libcore-1.rmeta"]}"#;
        assert_eq!(libraries_of(message), [PathBuf::from("/t/deps/libcore-1.rlib")]);
        assert!(libraries_of(r#"{"filenames":["/t/libnothing.rlib"]}"#).is_empty());
        assert!(libraries_of("warning").is_empty());
    }
}
