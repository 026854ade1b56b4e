//! The network between members: one of them can be split off from the others.
//!
//! ```text
//! t0 ---> proxy of t1 ---> t1        and so on: a proxy in front of each peer port
//! t2 ----'
//! ```
//!
//! Members tell each other who they are, so that the proxy in front of one can tell the member that
//! is split off from those that are not. Nothing arrives any more between the two sides, and nobody is
//! told: what was sent meanwhile arrives when the network is whole again.

use std::io;

use super::{Address, Etcd, get};
use crate::proxy::{Network, Proxy};

/// The header in which a member says who it is.
const SENDER: &str = "X-Server-From: ";

/// A proxy in front of each, which is what the others know of it.
pub(super) fn in_front_of(addresses: &mut [Address]) -> io::Result<Vec<Proxy>> {
    let proxies = addresses.iter_mut().map(|address| {
        let server = address.peer.trim_start_matches("http://").parse();
        let proxy = Proxy::telling_apart(server.map_err(io::Error::other)?, SENDER)?;
        address.advertised = format!("http://{}", proxy.address());
        Ok(proxy)
    });
    proxies.collect()
}

impl Etcd {
    /// Splits one member off from the others, of an etcd that is
    /// [`splittable`](super::EtcdOptions::splittable).
    ///
    /// # Errors
    ///
    /// The member does not say who it is.
    pub fn split_off(&self, member: usize) -> io::Result<()> {
        let id = self.members[member].id()?;
        for (of, proxy) in self.peers.iter().enumerate() {
            match of == member {
                true => proxy.set(Network::Silent),
                false => proxy.set_for(&id, Network::Silent),
            }
        }
        Ok(())
    }

    /// Makes the network between the members whole again.
    pub fn join_again(&self) {
        let peers = self.peers.iter();
        peers.for_each(|proxy| proxy.set(Network::Passes));
    }

    /// True if the member knows of a leader.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub fn has_leader(&self, member: usize) -> io::Result<bool> {
        let has = self.members[member].metric("etcd_server_has_leader")?;
        Ok(has == 1.0)
    }
}

impl super::Member {
    /// Its id, as it calls itself.
    fn id(&self) -> io::Result<String> {
        let text = get(self.port, "/metrics")?;
        let id = text
            .split_once("etcd_server_id{server_id=\"")
            .and_then(|(_, rest)| rest.split('"').next());
        id.map(str::to_owned)
            .ok_or_else(|| io::Error::other("the member does not tell its id"))
    }
}
