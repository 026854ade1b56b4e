//! An authority of one test, and the certificates that it signs: files, as a configuration names
//! them.

use std::io;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// An authority, with a directory for what it signs.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: TempDir,
}

/// A certificate and its private key.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate, in PEM.
    pub cert: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

impl Authority {
    /// An authority that nobody trusts yet.
    ///
    /// # Errors
    ///
    /// Those of writing its file, or of making its key.
    pub fn new() -> io::Result<Self> {
        let mut params = params("authority of a test")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        let dir = TempDir::new()?;
        std::fs::write(dir.path().join("ca.pem"), issuer.pem())?;
        Ok(Self { issuer, dir })
    }

    /// Its own certificate, for those who are to trust it.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A certificate for a program at 127.0.0.1, as a server and as a client, by the name `name`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn sign(&self, name: &str) -> io::Result<Certificate> {
        self.issue(name, params(name)?)
    }

    /// The same, out of date since years.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn sign_expired(&self, name: &str) -> io::Result<Certificate> {
        let mut params = params(name)?;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.issue(&format!("{name}-expired"), params)
    }

    fn issue(&self, file: &str, mut params: CertificateParams) -> io::Result<Certificate> {
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = params.signed_by(&key, &self.issuer);
        let signed = signed.map_err(io::Error::other)?;
        let certificate = Certificate {
            cert: self.dir.path().join(format!("{file}.pem")),
            key: self.dir.path().join(format!("{file}.key")),
        };
        std::fs::write(&certificate.cert, signed.pem())?;
        std::fs::write(&certificate.key, key.serialize_pem())?;
        Ok(certificate)
    }
}

fn params(name: &str) -> io::Result<CertificateParams> {
    let hosts = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
