//! A certificate authority of a test's own.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, PublicKeyData as _, RevokedCertParams, SerialNumber, date_time_ymd,
};

/// Serial numbers, and names of folders.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The authority; its files go with it.
pub(crate) struct Authority {
    /// Where all files are.
    folder: PathBuf,
    /// Signs.
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) ca: String,
}

/// A certificate and its key, in files.
pub(crate) struct Issued {
    /// The certificate.
    pub(crate) certificate: String,
    /// The private key, mode 0600.
    pub(crate) key: String,
    /// SHA-256 of the public key, as a pin is written.
    pub(crate) pin: String,
    /// Its number.
    serial: SerialNumber,
}

impl Authority {
    /// A new one.
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("edge-authority-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = folder.join("ca.pem").to_str().unwrap().to_owned();
        fs::write(&ca, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key), ca }
    }

    /// Issues a certificate for `name`, valid now unless `change` says otherwise.
    pub(crate) fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(u64::from(number)));
        change(&mut params);
        let serial = params.serial_number.clone().unwrap();
        let file = |ending: &str, content: &str| {
            let path = self.folder.join(format!("{number}.{ending}"));
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let certificate = file("pem", &params.signed_by(&key, &self.issuer).unwrap().pem());
        let mut pin = String::new();
        for byte in ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info()).as_ref() {
            write!(pin, "{byte:02x}").unwrap();
        }
        Issued { certificate, key: file("key", &key.serialize_pem()), pin, serial }
    }

    /// Writes a list of what is revoked; its path.
    pub(crate) fn revoke(&self, issued: &Issued) -> String {
        let revoked = RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2099, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.folder.join("revoked.pem").to_str().unwrap().to_owned();
        fs::write(&path, params.signed_by(&self.issuer).unwrap().pem().unwrap()).unwrap();
        path
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // Left-over files in the temporary folder harm nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
