//! TLS: from the files that the configuration names to a client, and from a TCP stream to an encrypted one.

mod files;

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, RootCertStore,
    SignatureScheme,
};

use super::{PublishError, TlsFault};
use crate::rt::{Io, timeout};

pub use files::{FILE_BYTES, TlsFileError};

/// Sessions kept to be taken up again: one for each broker, and a few tickets.
const SESSIONS: usize = 8;

/// What the configuration says; empty texts are unset.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// File of the certificates that the broker's must lead to.
    pub ca: &'a str,
    /// File of our certificate and those above it.
    pub certificate: &'a str,
    /// File of its private key.
    pub key: &'a str,
    /// Name that the broker's certificate must be for.
    pub server_name: &'a str,
    /// SHA-256 of the broker's public key in hexadecimal digits.
    pub pin: &'a str,
    /// Application protocol to offer.
    pub alpn: &'a str,
}

/// A client that is ready to shake hands.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Everything rustls needs.
    config: Arc<ClientConfig>,
    /// Name to expect instead of the broker's host.
    name: Option<String>,
}

impl Tls {
    /// Reads the files and puts the client together.
    ///
    /// # Errors
    /// [`TlsFileError`] naming the file.
    pub fn new(settings: &Settings<'_>) -> Result<Self, TlsFileError> {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(files::roots(settings.ca)?);
        let unusable = |error: Error| TlsFileError::Unusable { path: settings.certificate.to_owned(), error };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match pin(settings.pin) {
            None => builder.with_root_certificates(roots),
            Some(pin) => {
                let verifier = Pinned::new(roots, provider, pin)
                    .map_err(|error| TlsFileError::NoRoot { path: settings.ca.to_owned(), error })?;
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        let mut config = if settings.certificate.is_empty() {
            builder.with_no_client_auth()
        } else {
            let chain = files::certificates(settings.certificate)?;
            builder.with_client_auth_cert(chain, files::key(settings.key)?).map_err(unusable)?
        };
        if !settings.alpn.is_empty() {
            config.alpn_protocols = vec![settings.alpn.as_bytes().to_vec()];
        }
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        let name = (!settings.server_name.is_empty()).then(|| settings.server_name.to_owned());
        Ok(Self { config: Arc::new(config), name })
    }

    /// Shakes hands over a connection to `host`.
    ///
    /// # Errors
    /// [`PublishError::Tls`], or what the network says.
    pub async fn handshake(
        &self,
        stream: Io<TcpStream>,
        host: &str,
        limit: Duration,
    ) -> Result<TlsStream<Io<TcpStream>>, PublishError> {
        let name = ServerName::try_from(self.name.as_deref().unwrap_or(host).to_owned())
            .map_err(|_| PublishError::Tls(TlsFault::Name))?;
        let shaken = TlsConnector::from(Arc::clone(&self.config)).connect(name, stream);
        match timeout(limit, shaken).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(match (fault_of(&error), error.kind()) {
                (Some(fault), _) => PublishError::Tls(fault),
                // A broker that speaks plain MQTT takes the first message for a broken packet.
                (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
                    PublishError::Tls(TlsFault::NoTls)
                }
                (None, kind) => PublishError::Stream(kind),
            }),
            Err(_) => Err(PublishError::Tls(TlsFault::Silent { limit_ms: limit.as_millis() as u32 })),
        }
    }
}

/// What TLS found wrong, if an error of a stream comes from there. Since TLS 1.3 a broker looks at our certificate when we have begun to
/// talk already, so that its refusal comes with the first read.
#[must_use]
pub fn fault_of(error: &io::Error) -> Option<TlsFault> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::AlertReceived(alert) => TlsFault::Alert(u8::from(*alert)),
        Error::InvalidCertificate(error) => certificate_fault(error),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsFault::NoTls,
        Error::PeerIncompatible(_) => TlsFault::Version,
        _ => TlsFault::Protocol,
    })
}

/// What is wrong with the broker's certificate.
fn certificate_fault(error: &CertificateError) -> TlsFault {
    let now_s = UnixTime::now().as_secs();
    match error {
        CertificateError::ApplicationVerificationFailure => TlsFault::Pin,
        CertificateError::Expired => TlsFault::Expired { now_s, until_s: 0 },
        CertificateError::ExpiredContext { time, not_after } => {
            TlsFault::Expired { now_s: time.as_secs(), until_s: not_after.as_secs() }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::Name,
        CertificateError::NotValidYet => TlsFault::NotYet { now_s, from_s: 0 },
        CertificateError::NotValidYetContext { time, not_before } => {
            TlsFault::NotYet { now_s: time.as_secs(), from_s: not_before.as_secs() }
        }
        CertificateError::UnknownIssuer => TlsFault::UnknownIssuer,
        _ => TlsFault::Invalid,
    }
}

/// A SHA-256 from its hexadecimal digits; `None` when there is none. Its form was checked when the configuration was read.
fn pin(digits: &str) -> Option<[u8; 32]> {
    let mut pin = [0; 32];
    for (index, byte) in pin.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(pin)
}

/// Accepts what leads to a root *and* has the pinned key.
#[derive(Debug)]
struct Pinned {
    /// Judges the chain, the name and the time.
    chain: Arc<WebPkiServerVerifier>,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`.
    pin: [u8; 32],
}

impl Pinned {
    /// Of the roots and the digest.
    fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        pin: [u8; 32],
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let chain = WebPkiServerVerifier::builder_with_provider(roots, provider).build()?;
        Ok(Self { chain, pin })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let key = certificate.subject_public_key_info();
        if ::ring::digest::digest(&::ring::digest::SHA256, &key).as_ref() == self.pin {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, PeerIncompatible};

    use super::*;

    #[test]
    fn a_pin_is_read_from_its_digits() {
        let digits = "00ff".repeat(16);
        let pinned = pin(&digits).unwrap();
        assert_eq!((pinned[0], pinned[1], pinned[31]), (0, 0xff, 0xff));
        assert_eq!((pin(""), pin("00")), (None, None));
    }

    #[test]
    fn faults_are_found_in_the_errors_of_a_stream() {
        let found = |error: Error| fault_of(&io::Error::new(io::ErrorKind::InvalidData, error));
        assert_eq!(
            found(Error::AlertReceived(AlertDescription::CertificateRevoked)),
            Some(TlsFault::Alert(44))
        );
        assert_eq!(found(Error::InvalidMessage(InvalidMessage::InvalidContentType)), Some(TlsFault::NoTls));
        let old = Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13);
        assert_eq!(found(old), Some(TlsFault::Version));
        assert_eq!(found(Error::DecryptError), Some(TlsFault::Protocol));
        let certificate = |error| found(Error::InvalidCertificate(error));
        assert_eq!(certificate(CertificateError::Revoked), Some(TlsFault::Invalid));
        assert_eq!(certificate(CertificateError::UnknownIssuer), Some(TlsFault::UnknownIssuer));
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let early = CertificateError::NotValidYetContext { time: time(5), not_before: time(9) };
        assert_eq!(certificate(early), Some(TlsFault::NotYet { now_s: 5, from_s: 9 }));
        assert_eq!(fault_of(&io::ErrorKind::ConnectionReset.into()), None);
    }
}
