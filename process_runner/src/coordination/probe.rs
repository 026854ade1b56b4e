//! Why an etcd does not answer: one connection by hand, to say it in words.
//!
//! The client's own error for a failed handshake is "transport error", or worse, depending on who was
//! first. So when there is no answer the endpoints are tried once more, step by step: is there
//! anybody, does it speak TLS, do we accept its certificate, does it accept ours?
//!
//! # How it fails
//!
//! Into the error that it was asked to explain. Only what cannot mend itself by waiting becomes a
//! [`CoordinationError::Tls`]: a server that just starts also closes connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{AlertDescription, CertificateError, ClientConfig, Error};

use super::CoordinationError;
use super::tls::{Tls, trusting_nobody};

/// For each step.
const PATIENCE: Duration = Duration::from_secs(1);
/// What every HTTP/2 client says first: the preface and its settings, which are none.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The endpoints of an etcd, and how they are spoken to.
pub(super) struct Probe {
    endpoints: Vec<String>,
    tls: Option<Tls>,
}

impl Probe {
    pub(super) fn new(endpoints: Vec<String>, tls: Option<Tls>) -> Self {
        Self { endpoints, tls }
    }

    /// The error itself, unless a closer look finds out more. Cancel safe.
    pub(super) async fn explain(&self, error: CoordinationError) -> CoordinationError {
        if !matches!(error, CoordinationError::Unreachable { .. }) {
            return error;
        }
        for endpoint in &self.endpoints {
            if let Some(reason) = self.fault(endpoint).await {
                return CoordinationError::Tls {
                    endpoint: endpoint.clone(),
                    reason,
                };
            }
        }
        error
    }

    /// What is wrong with TLS at this endpoint.
    async fn fault(&self, endpoint: &str) -> Option<String> {
        let uri: http::Uri = endpoint.parse().ok()?;
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        let at = (host, uri.port_u16()?);
        match (uri.scheme_str(), &self.tls) {
            (Some("https"), Some(tls)) => match handshake(at, tls.handshake()).await? {
                Ended::Tls(error) => fault_in(&error, tls),
                Ended::Closed => speaks_plain(at)
                    .await
                    .then(|| "it speaks plain text; write the endpoint with http://".to_owned()),
            },
            _ => match handshake(at, trusting_nobody()?).await? {
                Ended::Tls(_) => Some("it speaks TLS; write the endpoint with https://".to_owned()),
                Ended::Closed => None,
            },
        }
    }
}

/// How a connection ended that should have gone on.
enum Ended {
    /// In words of TLS.
    Tls(Error),
    /// Without a word.
    Closed,
}

/// `None` if there is no connection, or nothing wrong with it.
async fn handshake(at: (&str, u16), config: Arc<ClientConfig>) -> Option<Ended> {
    let name = ServerName::try_from(at.0.to_owned()).ok()?;
    let stream = connect(at).await?;
    let asking = async {
        let mut stream = TlsConnector::from(config).connect(name, stream).await?;
        // A server that does not accept our certificate says so only after the handshake.
        stream.write_all(PREFACE).await?;
        stream.read_exact(&mut [0]).await
    };
    let error = timeout(PATIENCE, asking).await.ok()?.err()?;
    let said = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    Some(said.map_or(Ended::Closed, |said| Ended::Tls(said.clone())))
}

/// An HTTP/2 server answers the preface with its settings.
async fn speaks_plain(at: (&str, u16)) -> bool {
    const SETTINGS: u8 = 4;
    let Some(mut stream) = connect(at).await else {
        return false;
    };
    let mut frame = [0; 9];
    let asking = async {
        stream.write_all(PREFACE).await?;
        stream.read_exact(&mut frame).await
    };
    matches!(timeout(PATIENCE, asking).await, Ok(Ok(_))) && frame[3] == SETTINGS
}

async fn connect(at: (&str, u16)) -> Option<TcpStream> {
    timeout(PATIENCE, TcpStream::connect(at)).await.ok()?.ok()
}

fn fault_in(error: &Error, tls: &Tls) -> Option<String> {
    match error {
        Error::InvalidCertificate(fault) => Some(match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate is out of date; it needs a new one".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host; use the name that it was made for".to_owned()
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
                "its certificate is not from {}; name the file of the authority that signed it \
                 by `ca`",
                tls.trusted()
            ),
            other => format!("its certificate is not accepted: {other}"),
        }),
        Error::AlertReceived(
            AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => Some(tls.fault_of_ours()),
        Error::AlertReceived(alert) => Some(format!(
            "it ends the handshake with {alert:?}; ask who runs it which TLS it speaks"
        )),
        _ => None,
    }
}
