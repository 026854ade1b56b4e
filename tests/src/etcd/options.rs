//! How an etcd of a test is started.

use std::io;

use super::{Etcd, Version};
use crate::certificates::{Authority, Certificate};

/// What an etcd is started with: one member that anybody may talk to in plain text, unless told
/// otherwise.
#[derive(Debug, Clone)]
pub struct EtcdOptions {
    pub(super) version: Version,
    pub(super) members: usize,
    pub(super) splittable: bool,
    pub(super) flags: Vec<String>,
    pub(super) tls: Option<Tls>,
}

/// What the test's own client needs to be let in.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    pub(super) ca: std::path::PathBuf,
    pub(super) client: Certificate,
}

impl EtcdOptions {
    /// The defaults.
    pub fn new(version: Version) -> Self {
        Self {
            version,
            members: 1,
            splittable: false,
            flags: Vec::new(),
            tls: None,
        }
    }

    /// So many members.
    #[must_use]
    pub fn members(mut self, members: usize) -> Self {
        self.members = members;
        self
    }

    /// The network between the members can be split.
    #[must_use]
    pub fn splittable(mut self) -> Self {
        self.splittable = true;
        self
    }

    /// Clients speak TLS, with the server's certificate signed by `authority`.
    ///
    /// # Errors
    ///
    /// The certificates cannot be written.
    pub fn tls(mut self, authority: &Authority) -> io::Result<Self> {
        let server = authority.sign("server")?;
        self.flag("--cert-file", server.cert.display());
        self.flag("--key-file", server.key.display());
        self.tls = Some(Tls {
            ca: authority.ca(),
            client: authority.sign("test")?,
        });
        Ok(self)
    }

    /// As [`tls`](Self::tls), and each client shows a certificate of the same authority.
    ///
    /// # Errors
    ///
    /// The certificates cannot be written.
    pub fn mutual_tls(self, authority: &Authority) -> io::Result<Self> {
        let mut options = self.tls(authority)?;
        options.flag("--trusted-ca-file", authority.ca().display());
        options.flags.push("--client-cert-auth".to_owned());
        Ok(options)
    }

    /// Tokens of users end after so many seconds without use. Only 3.5 has this.
    #[must_use]
    pub fn token_ttl(mut self, seconds: u32) -> Self {
        self.flag("--auth-token", "simple");
        self.flag("--auth-token-ttl", seconds);
        self
    }

    /// The database may grow to so many bytes.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Self {
        self.flag("--quota-backend-bytes", bytes);
        self
    }

    /// A request may have so many bytes.
    #[must_use]
    pub fn largest_request(mut self, bytes: u64) -> Self {
        self.flag("--max-request-bytes", bytes);
        self
    }

    /// Starts it and returns once all members are healthy.
    ///
    /// # Errors
    ///
    /// If there is no etcd of this version, with what to do about it, or it does not start.
    pub fn start(self) -> io::Result<Etcd> {
        Etcd::launch(self)
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    fn flag(&mut self, name: &str, value: impl std::fmt::Display) {
        self.flags.extend([name.to_owned(), value.to_string()]);
    }
}
