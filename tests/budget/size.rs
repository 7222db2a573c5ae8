//! What the agent takes on a gateway's flash.

use std::fs;

use edge_tests::programs::guest_program;
use edge_tests::trials::Outcome;
use edge_tests::vm::Arch;

/// The promise for each ARM binary of the agent, in bytes.
const BINARY_LIMIT: u64 = 1_170_000;

/// The agent's binary is within its size.
pub(crate) fn binary(arch: Arch) -> Outcome {
    let path = guest_program(arch, "edge-agent")?;
    let bytes = fs::metadata(&path)?.len();
    if bytes > BINARY_LIMIT {
        return Err(format!("{} has {bytes} bytes, more than {BINARY_LIMIT}", path.display()).into());
    }
    Ok(Some(format!("{bytes} bytes")))
}
