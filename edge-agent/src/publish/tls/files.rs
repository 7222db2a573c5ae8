//! Certificates and keys in files.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;

use rustls::RootCertStore;
use rustls::client::VerifierBuilderError;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Most bytes read from a file: a bundle of all public CAs has some 220,000.
pub const FILE_BYTES: u64 = 512 * 1024;

/// Permissions that a key's file must not give: anything to anybody but its owner.
const EXPOSED: u32 = 0o077;

/// Why a file of `[mqtt.tls]` cannot be used.
#[derive(Debug)]
pub enum TlsFileError {
    /// Others than its owner can read it, or its owner is neither root nor this agent.
    Exposed {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
        /// Its owner.
        uid: u32,
    },
    /// It holds no certificate, or no private key, in PEM.
    Missing {
        /// The file.
        path: String,
        /// What it was looked through for.
        what: &'static str,
    },
    /// What it holds is damaged.
    Damaged {
        /// The file.
        path: String,
        /// Where.
        error: pem::Error,
    },
    /// None of its certificates can be trusted.
    NoRoot {
        /// The file.
        path: String,
        /// Why.
        error: VerifierBuilderError,
    },
    /// It is too large.
    TooLarge {
        /// The file.
        path: String,
    },
    /// It cannot be read.
    Unreadable {
        /// The file.
        path: String,
        /// What the kernel says.
        error: io::Error,
    },
    /// Key and certificate do not belong together, or are of a kind that is not known.
    Unusable {
        /// The file.
        path: String,
        /// Why.
        error: rustls::Error,
    },
}

impl fmt::Display for TlsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed { path, mode, uid } => write!(
                f,
                "{path} has mode {mode:04o} and belongs to user {uid}: a key must be root's own, mode 0600 or 0400"
            ),
            Self::Missing { path, what } => write!(f, "{path} holds no {what} in PEM"),
            Self::Damaged { path, error } => write!(f, "{path}: {error}"),
            Self::NoRoot { path, error } => write!(f, "{path}: {error}"),
            Self::TooLarge { path } => write!(f, "{path} has more than {FILE_BYTES} bytes"),
            Self::Unreadable { path, error } => write!(f, "{path}: {error}"),
            Self::Unusable { path, error } => write!(f, "{path}, or its key: {error}"),
        }
    }
}

impl std::error::Error for TlsFileError {}

/// The certificates that others must lead to.
pub(super) fn roots(path: &str) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| TlsFileError::Unusable { path: path.to_owned(), error })?;
    }
    Ok(roots)
}

/// The certificates of a file, at least one.
pub(super) fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let text = read(path, |_| Ok(()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| TlsFileError::Damaged { path: path.to_owned(), error })?;
    if found.is_empty() {
        return Err(TlsFileError::Missing { path: path.to_owned(), what: "certificate" });
    }
    Ok(found)
}

/// The private key of a file that nobody else can read.
pub(super) fn key(path: &str) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    let own = rustix::process::geteuid().as_raw();
    let text = read(path, |file| {
        let facts =
            file.metadata().map_err(|error| TlsFileError::Unreadable { path: path.to_owned(), error })?;
        let (mode, uid) = (facts.mode() & 0o7777, facts.uid());
        let exposed = mode & EXPOSED != 0 || (uid != 0 && uid != own);
        if exposed { Err(TlsFileError::Exposed { path: path.to_owned(), mode, uid }) } else { Ok(()) }
    })?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsFileError::Missing { path: path.to_owned(), what: "private key" },
        error => TlsFileError::Damaged { path: path.to_owned(), error },
    })
}

/// Reads a file that `check` accepts once it is open, so that it cannot be another one when it is read.
fn read(path: &str, check: impl Fn(&File) -> Result<(), TlsFileError>) -> Result<Vec<u8>, TlsFileError> {
    let unreadable = |error| TlsFileError::Unreadable { path: path.to_owned(), error };
    let file = File::open(path).map_err(unreadable)?;
    check(&file)?;
    let mut text = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_BYTES {
        return Err(TlsFileError::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A file with this content and mode, for as long as it is looked at.
    fn with<T>(name: &str, content: &[u8], mode: u32, look: impl FnOnce(&str) -> T) -> T {
        let path = std::env::temp_dir().join(format!("edge-tls-{name}-{}", std::process::id()));
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let seen = look(path.to_str().unwrap());
        fs::remove_file(&path).unwrap();
        seen
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_its_mode() {
        let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
        for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
            let error = with("exposed", pem.as_bytes(), mode, |path| key(path).unwrap_err().to_string());
            assert!(error.contains(&format!("mode {mode:04o}")), "{error}");
        }
        for mode in [0o600, 0o400] {
            assert!(with("own", pem.as_bytes(), mode, |path| key(path).is_ok()));
        }
    }

    #[test]
    fn what_is_missing_damaged_or_too_large_is_named() {
        let certificate = |content: &[u8]| {
            with("certificate", content, 0o644, |path| certificates(path).unwrap_err().to_string())
        };
        assert!(certificate(b"").contains("holds no certificate"));
        assert!(
            certificate(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").contains("edge-tls")
        );
        assert!(certificate(&vec![b' '; FILE_BYTES as usize + 1]).contains("more than 524288 bytes"));
        let none = with("key", b"nothing", 0o600, |path| key(path).unwrap_err().to_string());
        assert!(none.contains("holds no private key"), "{none}");
        let gone = certificates("/nonexistent/ca.pem").unwrap_err().to_string();
        assert!(gone.starts_with("/nonexistent/ca.pem: "), "{gone}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_certificates_or_an_error(bytes in proptest::collection::vec(0_u8.., 0..400)) {
            let _: Vec<_> = CertificateDer::pem_slice_iter(&bytes).collect();
            let _ = PrivateKeyDer::from_pem_slice(&bytes);
        }
    }
}
