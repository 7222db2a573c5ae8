//! The systemd unit, read by systemd itself in a root of its own: a misspelt key would be ignored on the gateway, and with it
//! what it was to forbid.

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The unit, from the workspace, and where images have it.
const UNIT: (&str, &str) = ("packaging/edge-agent.service", "usr/lib/systemd/system/edge-agent.service");
/// The programs it starts.
const PROGRAMS: &[&str] = &["usr/bin/edge-agent", "bin/kill"];
/// The units that it, as every service, goes with.
const COMPANIONS: &[&str] =
    &["basic.target", "local-fs.target", "multi-user.target", "shutdown.target", "sysinit.target"];

/// Has systemd read the unit. Whatever it says is an error.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let root = workspace.target.join("unit-root");
    let units = root.join("usr/lib/systemd/system");
    fs::create_dir_all(&units)?;
    for name in COMPANIONS {
        fs::write(units.join(name), format!("[Unit]\nDescription={name}\n"))?;
    }
    for program in PROGRAMS {
        let path = root.join(program);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, "")?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    let unit = root.join(UNIT.1);
    fs::copy(workspace.root.join(UNIT.0), &unit)?;
    let mut verify = process::command("systemd-analyze");
    verify.arg("verify").arg("--man=no").arg(format!("--root={}", root.display())).arg(&unit);
    let output = verify.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !said.is_empty() {
        bail!("{}", said.trim());
    }
    Ok(())
}
