//! The files of the section `etcd`, as what a TLS connection needs.
//!
//! They are read once, and tried before anything is connected: a file that holds something else, or a
//! key that does not fit, is told by its name. With `ca` only what that authority has signed is
//! trusted; without it, what this machine trusts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcd_client::{Certificate, Identity, TlsOptions};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

use super::CoordinationError;
use crate::config::EtcdConfig;

/// How to speak TLS with etcd.
pub(super) struct Tls {
    options: TlsOptions,
    /// The same for a handshake by hand.
    handshake: Arc<ClientConfig>,
    /// The certificate that we show, with its file.
    shown: Option<(PathBuf, CertificateDer<'static>)>,
    roots: Arc<RootCertStore>,
    /// The file of the authority, if one is named.
    ca: Option<PathBuf>,
}

impl Tls {
    /// What the configuration says. `None` if no endpoint is https.
    pub(super) fn of(config: &EtcdConfig) -> Result<Option<Self>, CoordinationError> {
        let https = |endpoint: &String| endpoint.starts_with("https://");
        if !config.endpoints.iter().any(https) {
            return Ok(None);
        }
        let files = config.tls.as_ref();
        let ca = files.and_then(|files| files.ca.clone());
        let client = files.and_then(|files| files.client.clone());
        let mut options = TlsOptions::new();
        let mut roots = RootCertStore::empty();
        match &ca {
            Some(file) => {
                let pem = read(file)?;
                for certificate in certificates(file, &pem)? {
                    roots
                        .add(certificate)
                        .map_err(|error| unusable(file, format!("it is no authority: {error}")))?;
                }
                options = options.ca_certificate(Certificate::from_pem(pem));
            }
            None => {
                options = options.with_native_roots();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let roots = Arc::new(roots);
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(Path::new("TLS"), error.to_string()))?
            .with_root_certificates(Arc::clone(&roots));
        let mut shown = None;
        let mut handshake = match &client {
            None => builder.with_no_client_auth(),
            Some((cert_file, key_file)) => {
                let (cert, key) = (read(cert_file)?, read(key_file)?);
                let chain = certificates(cert_file, &cert)?;
                let private = PrivateKeyDer::from_pem_slice(&key)
                    .map_err(|_| unusable(key_file, "it holds no private key in PEM".to_owned()))?;
                shown = chain
                    .first()
                    .cloned()
                    .map(|first| (cert_file.clone(), first));
                options = options.identity(Identity::from_pem(cert, key));
                builder
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| {
                        let cert = cert_file.display();
                        unusable(key_file, format!("the key does not fit {cert}: {error}"))
                    })?
            }
        };
        handshake.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Some(Self {
            options,
            handshake: Arc::new(handshake),
            shown,
            roots,
            ca,
        }))
    }

    /// The same for etcd's client.
    pub(super) fn options(&self) -> TlsOptions {
        self.options.clone()
    }

    /// The same for a handshake by hand.
    pub(super) fn handshake(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.handshake)
    }

    /// Whom we trust, for people.
    pub(super) fn trusted(&self) -> String {
        match &self.ca {
            Some(file) => format!("the authority in {}", file.display()),
            None => "an authority that this machine trusts".to_owned(),
        }
    }

    /// Why etcd does not accept the certificate that we show, as far as that can be seen from here.
    pub(super) fn fault_of_ours(&self) -> String {
        let Some((file, certificate)) = &self.shown else {
            return "it wants a certificate of ours; name one by `cert` and `key`".to_owned();
        };
        let file = file.display();
        match self.verify(certificate) {
            Err(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
                format!("our certificate {file} is out of date; get a new one")
            }
            Err(CertificateError::UnknownIssuer | CertificateError::BadSignature) => format!(
                "it does not accept our certificate {file}, which is not from {}; get one from \
                 the authority that etcd trusts",
                self.trusted()
            ),
            _ => format!(
                "it does not accept our certificate {file}; get one from the authority that etcd \
                 trusts"
            ),
        }
    }

    /// Verifies it as etcd would if it trusted whom we trust.
    fn verify(&self, certificate: &CertificateDer<'_>) -> Result<(), CertificateError> {
        let roots = Arc::clone(&self.roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
        let verified =
            verifier.map(|verifier| verifier.verify_client_cert(certificate, &[], UnixTime::now()));
        match verified {
            Ok(Err(Error::InvalidCertificate(fault))) => Err(fault),
            _ => Ok(()),
        }
    }
}

/// For a handshake that is to get as far as the certificate. `None` if TLS cannot be used at all.
pub(super) fn trusting_nobody() -> Option<Arc<ClientConfig>> {
    let builder = ClientConfig::builder_with_provider(provider());
    let config = builder
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Some(Arc::new(config))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(
    file: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, CoordinationError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unusable(file, "it holds no certificate in PEM".to_owned())),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, CoordinationError> {
    std::fs::read(file).map_err(|error| unusable(file, format!("it cannot be read: {error}")))
}

fn unusable(file: &Path, reason: String) -> CoordinationError {
    CoordinationError::BadFile {
        file: file.to_owned(),
        reason,
    }
}
