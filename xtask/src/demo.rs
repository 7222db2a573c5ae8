//! `demo`: builds the two programs for this machine and lets `edge-watch demo` show them.

use crate::build::{self, PROGRAMS, Target};
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};

/// The verb. Its arguments are passed on.
pub(crate) fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<()> {
    if !process::is_root() {
        bail!("the demo loads programs into the kernel and needs root: run it as root, or with `sudo -E`");
    }
    let programs: Vec<_> =
        PROGRAMS.iter().filter(|program| matches!(program.name, "edge-agent" | "edge-watch")).collect();
    let profile = Target::Host.profile();
    build::programs_for(workspace, Target::Host, &programs, profile)?;
    edge_tests::tracefs::ensure().context("the demo's agent needs tracefs")?;
    let watch = build::output_dir(workspace, Target::Host, profile).join("edge-watch");
    process::run(process::command(watch).arg("demo").args(args.raw_args()?).current_dir(&workspace.root))
}
