//! Budget tests: sizes, memory, threads and wake-ups against the numbers in SPECIFICATION.md.

mod idle;
mod size;

use std::process::ExitCode;

use edge_tests::trials;
use edge_tests::vm::Arch;

fn main() -> ExitCode {
    trials::run_beside(
        2,
        &[
            ("arm64/binary_size", || size::binary(Arch::Arm64)),
            ("armhf/binary_size", || size::binary(Arch::Armhf)),
            ("arm64/idle", || idle::steady(Arch::Arm64)),
            ("armhf/idle", || idle::steady(Arch::Armhf)),
        ],
    )
}
