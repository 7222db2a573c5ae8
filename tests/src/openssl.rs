//! Certificates made when a test runs: an authority, a broker, and a gateway.

use std::path::Path;

use crate::ToolError;
use crate::tool::Tool;

/// Makes `ca.pem`, `broker.pem` with `broker.key` for an address, and `own.pem` with `own.key` for a client, in a folder; all on the curve P-256.
///
/// # Errors
/// A missing `openssl` (3.0 or newer), or what it says.
pub fn authority(folder: &Path, address: &str) -> Result<(), ToolError> {
    let address = format!("subjectAltName=IP:{address}");
    let leaf = "basicConstraints=critical,CA:FALSE";
    make(folder, "ca", "/CN=edge test authority", &["basicConstraints=critical,CA:TRUE"], false)?;
    make(folder, "broker", "/CN=broker", &[leaf, &address], true)?;
    make(folder, "own", "/CN=gateway", &[leaf], true)
}

/// Makes one key and its certificate, signed by the authority or by itself.
fn make(
    folder: &Path,
    name: &str,
    subject: &str,
    extensions: &[&str],
    signed: bool,
) -> Result<(), ToolError> {
    let tool = Tool { program: "openssl", package: "openssl" };
    let mut command = tool.command(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.args(["-noenc", "-days", "2", "-subj", subject]).current_dir(folder);
    command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
    for extension in extensions {
        command.args(["-addext", extension]);
    }
    if signed {
        command.args(["-CA", "ca.pem", "-CAkey", "ca.key"]);
    }
    tool.output(&mut command).map(drop)
}
