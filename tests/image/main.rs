//! Root file systems made of the files that recipes install, booted with their own init systems.

mod attack;
mod day;
mod fragment;
mod layout;
mod life;
mod machine;
mod settings;
mod systemd;

use std::process::ExitCode;

use edge_tests::images;
use edge_tests::trials::{self, Test};
use edge_tests::vm::{Arch, Kernel};

fn main() -> ExitCode {
    let mut tests: Vec<Test> = vec![
        ("kernel_fragments_hold", fragment::holds),
        ("buildroot_asks_for_the_same", fragment::is_that_of_buildroot),
        ("arm64/6.12/busybox", || life::gateway(Arch::Arm64, Kernel::V6_12)),
        ("armhf/6.12/busybox", || life::gateway(Arch::Armhf, Kernel::V6_12)),
    ];
    // CI has no time for more of the same.
    if images::is_long() {
        let long: [Test; 3] = [
            ("arm64/5.10/busybox", || life::gateway(Arch::Arm64, Kernel::V5_10)),
            ("armhf/5.10/busybox", || life::gateway(Arch::Armhf, Kernel::V5_10)),
            ("arm64/6.12/systemd", || systemd::gateway(Arch::Arm64, Kernel::V6_12)),
        ];
        tests.extend(long);
    }
    trials::run_beside(2, &tests)
}
