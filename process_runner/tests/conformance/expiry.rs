//! Leases that end by themselves: the shortest TTL, one revision for all keys, and the unknown lease.

use std::time::Instant;

use etcd_client::{LeaseGrantOptions, PutOptions};

use crate::server::{Kind, Server};
use crate::watching::{Watcher, next, show, watch};

#[tokio::test]
async fn an_expired_lease_takes_its_keys_at_once_and_not_early() {
    let mut expected: Option<Vec<String>> = None;
    for kind in Kind::ALL {
        let mut server = Server::start(kind).await;
        let client = &mut server.client;
        let stream_of = Watcher {
            prev: true,
            ..watch("k", "l")
        };
        let mut stream = stream_of.open(client).await;
        next(&mut stream).await.unwrap();
        let granted_at = Instant::now();
        let options = LeaseGrantOptions::new().with_id(4);
        let granted = client.lease_grant(1, Some(options)).await.unwrap();
        let mut lines = vec![format!("ttl {}", granted.ttl())];
        for key in ["k2", "k1"] {
            let options = PutOptions::new().with_lease(4);
            client.put(key, "", Some(options)).await.unwrap();
            let response = next(&mut stream).await.unwrap();
            lines.push(show(&response));
        }
        lines.push(show(&next(&mut stream).await.unwrap()));
        let lasted = granted_at.elapsed().as_secs_f64();
        assert!(
            (2.0..6.0).contains(&lasted),
            "{kind:?}: the lease lasted {lasted} s"
        );
        let (mut keeper, mut acks) = match client.lease_keep_alive(4).await {
            Ok(pair) => pair,
            Err(error) => {
                lines.push(crate::transcript::failure(&error));
                check(kind, &mut expected, lines);
                continue;
            }
        };
        keeper.keep_alive().await.unwrap();
        let ack = acks.message().await.unwrap().unwrap();
        lines.push(format!("renewed for {}", ack.ttl()));
        check(kind, &mut expected, lines);
    }
}

fn check(kind: Kind, expected: &mut Option<Vec<String>>, lines: Vec<String>) {
    match expected {
        None => *expected = Some(lines),
        Some(expected) => assert_eq!(expected, &lines, "{kind:?}"),
    }
}
