//! Where the programs under test lie: in folders that `cargo xtask test` names after building them.

use std::path::PathBuf;

use crate::vm::Arch;

/// The variable that names the folder of programs for this machine.
pub const HOST_VARIABLE: &str = "EDGE_BIN_DIR_HOST";

/// Why a program under test cannot be found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProgramError {
    /// The variable is not set: the tests were not started by `cargo xtask test`.
    #[error("variable {0} is not set; run `cargo xtask test`")]
    Unset(&'static str),
    /// The folder lacks the program.
    #[error("program {} is not built", .0.display())]
    Missing(PathBuf),
}

/// A program for a guest of `arch`.
pub fn guest_program(arch: Arch, name: &str) -> Result<PathBuf, ProgramError> {
    find(arch.bin_dir_variable(), name)
}

/// A program for this machine.
pub fn host_program(name: &str) -> Result<PathBuf, ProgramError> {
    find(HOST_VARIABLE, name)
}

/// A program in the folder that `variable` names.
fn find(variable: &'static str, name: &str) -> Result<PathBuf, ProgramError> {
    let folder = std::env::var_os(variable).ok_or(ProgramError::Unset(variable))?;
    let path = PathBuf::from(folder).join(name);
    if path.is_file() { Ok(path) } else { Err(ProgramError::Missing(path)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unset_variable_tells_what_to_run() {
        let error = find("EDGE_BIN_DIR_OF_NO_MACHINE", "edge-agent").unwrap_err();
        assert_eq!(
            error.to_string(),
            "variable EDGE_BIN_DIR_OF_NO_MACHINE is not set; run `cargo xtask test`"
        );
    }
}
