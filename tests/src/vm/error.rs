//! Why a guest could not be prepared, booted or spoken to.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::Arch;
use crate::ToolError;

/// Why a guest could not be prepared, booted or spoken to.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// A program of the machine is missing or refused.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A file of the cache or of the files under test could not be read or written.
    #[error("{action} {} is not possible", path.display())]
    File {
        /// What was tried: `reading`, `writing`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The machine's apt sources name no Debian mirror.
    #[error(
        "apt sources of this machine name no mirror for Debian {release}; set EDGE_DEBIAN_MIRROR (and \
         EDGE_DEBIAN_SECURITY_MIRROR) to one"
    )]
    NoMirror {
        /// The machine's release, from `/etc/os-release`.
        release: String,
    },
    /// The mirror has no such package (any more): a suite that moves on keeps only its newest kernels.
    #[error("the Debian mirror offers no package {package} for {arch} in {suites}")]
    NoPackage {
        /// The package asked for.
        package: String,
        /// The architecture asked for.
        arch: Arch,
        /// Where it was looked for.
        suites: String,
    },
    /// A kernel package does not hold what a guest needs.
    #[error("kernel package {package} holds no {missing}")]
    Incomplete {
        /// The package.
        package: String,
        /// The file or module that was looked for.
        missing: String,
    },
    /// The guest did not reach its shell in time.
    #[error("guest did not boot within {} s; console ends: {tail}", limit.as_secs())]
    Boot {
        /// How long it was given.
        limit: Duration,
        /// The last lines of its console.
        tail: String,
    },
    /// A command in the guest did not end in time.
    #[error("guest command `{command}` did not end within {} s; console ends: {tail}", limit.as_secs())]
    Timeout {
        /// The command.
        command: String,
        /// How long it was given.
        limit: Duration,
        /// The last lines of its console.
        tail: String,
    },
    /// QEMU ended while it was needed.
    #[error("guest is gone ({}); console ends: {tail}", status.map_or_else(|| "running".into(), |s| s.to_string()))]
    Gone {
        /// How QEMU ended, when known.
        status: Option<ExitStatus>,
        /// The last lines of its console.
        tail: String,
    },
}

impl VmError {
    /// For `map_err`: wraps an I/O error with what was tried on which file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
