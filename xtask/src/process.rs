//! Starting other programs: a clean environment, visible command lines, errors that name the program.

use anyhow::{Context, Result, anyhow, bail};
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Command, ExitStatus, Stdio};

/// What `cargo run` sets for xtask itself and no other program should inherit: it would make the nested cargo rebuild
/// (package variables) or load the wrong compiler's libraries (the library path).
const INHERITED: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_", "LD_LIBRARY_PATH"];

/// What would change the output of a compiler whose output must depend on the sources alone.
const STEERING: &[&str] =
    &["CARGO_BUILD_", "CARGO_ENCODED_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_UNSTABLE_", "RUST"];

/// A command with xtask's own cargo variables removed.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    forget(&mut command, INHERITED);
    command
}

/// A command without any variable that steers cargo or rustc: what is built follows from the arguments alone.
pub(crate) fn pristine(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = command(program);
    forget(&mut command, STEERING);
    command.env_remove("CARGO");
    for kept in ["RUSTUP_HOME", "RUSTUP_AUTO_INSTALL"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// The cargo that runs xtask, so that a toolchain chosen with `+name` stays chosen.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs `command` with its output going to ours.
///
/// # Errors
/// A program that is absent, or that ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status = command.status().map_err(|error| explain(command, error))?;
    if !status.success() {
        bail!("`{}` ended with {status}", program(command));
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to standard output.
///
/// # Errors
/// As [`run`], with what it wrote to standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| explain(command, error))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` ended with {}: {}", program(command), output.status, complaint.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` wrote something that is not text", program(command)))
}

/// Runs `command`, passing every line of standard output on at once, to `line` as well.
///
/// # Errors
/// A program that is absent or whose output breaks off; an unsuccessful end is the caller's to judge.
pub(crate) fn stream(command: &mut Command, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    announce(command);
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| explain(command, error))?;
    let stdout = child.stdout.take().context("the child has no standard output")?;
    let mut reader = BufReader::new(stdout);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        print!("{text}");
        line(text.trim_end());
        bytes.clear();
    }
    Ok(child.wait()?)
}

/// Whether `name` can be started.
pub(crate) fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}

/// `PATH` with `dir` in front.
///
/// # Errors
/// A folder whose name holds the separator.
pub(crate) fn path_with(dir: &std::path::Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(std::iter::once(dir.to_owned()).chain(std::env::split_paths(&path)))?)
}

/// Whether we are root. Read from the kernel, since `$USER` and `$HOME` may be anything under sudo.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// Prints the command line, as one could type it, without the environment.
fn announce(command: &Command) {
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    println!("+ {} {}", program(command), arguments.join(" "));
}

/// Removes every variable of ours that begins with one of `prefixes`.
fn forget(command: &mut Command, prefixes: &[&str]) {
    for (name, _) in std::env::vars_os() {
        if prefixes.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

/// The name a person knows the program by: the last part of its path.
fn program(command: &Command) -> String {
    let path = std::path::Path::new(command.get_program());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Says which program could not be started, and why.
fn explain(command: &Command, error: std::io::Error) -> anyhow::Error {
    let name = command.get_program().to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        return anyhow!("`{name}` is not installed, or not on PATH (see `cargo xtask setup`)");
    }
    anyhow!(error).context(format!("`{name}` cannot be started"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut command("edge-no-such-program")).unwrap_err().to_string();
        assert!(error.contains("`edge-no-such-program` is not installed"), "{error}");
    }

    #[test]
    fn lines_are_handed_on_and_the_status_is_returned() {
        let mut lines = Vec::new();
        let status =
            stream(command("sh").args(["-c", "printf 'a\\nb'; exit 3"]), |line| lines.push(line.to_owned()));
        assert_eq!(status.unwrap().code(), Some(3));
        assert_eq!(lines, ["a", "b"]);
    }

    #[test]
    fn an_unsuccessful_capture_carries_the_complaint() {
        let error = capture(command("sh").args(["-c", "echo no space >&2; exit 1"])).unwrap_err().to_string();
        assert!(error.ends_with("no space"), "{error}");
    }
}
