//! Stores in directories: restarts, hosts and guests.

use std::fs;

use super::*;

fn options() -> EmbeddedOptions {
    EmbeddedOptions::default()
}

async fn host(dir: &Path) -> EmbeddedEtcd {
    match EmbeddedEtcd::open_or_join(dir, options()).await.unwrap() {
        Joined::Host(etcd) => etcd,
        Joined::Guest { .. } => panic!("{} has a host", dir.display()),
    }
}

async fn guest(dir: &Path) -> Client {
    match EmbeddedEtcd::open_or_join(dir, options()).await.unwrap() {
        Joined::Guest { socket, host_pid } => {
            assert_eq!(host_pid, Some(std::process::id()));
            Client::from_channel(guest_channel(&socket), None)
                .await
                .unwrap()
        }
        Joined::Host(_) => panic!("{} has no host", dir.display()),
    }
}

#[tokio::test]
async fn a_restart_keeps_state_and_ids_raises_the_term_and_rearms_leases() {
    let dir = tempfile::tempdir().unwrap();
    let etcd = EmbeddedEtcd::open(dir.path(), options()).await.unwrap();
    let mut first = client(&etcd).await;
    let lease = first.lease_grant(30, None).await.unwrap().id();
    let with_lease = PutOptions::new().with_lease(lease);
    let before = first.put("k", "v", Some(with_lease)).await.unwrap();
    let before = before.header().unwrap().clone();
    etcd.shutdown().await;
    assert!(first.get("k", None).await.is_err());

    let etcd = EmbeddedEtcd::open(dir.path(), options()).await.unwrap();
    let mut second = client(&etcd).await;
    let found = second.get("k", None).await.unwrap();
    let after = found.header().unwrap();
    assert_eq!(found.kvs()[0].lease(), lease);
    assert_eq!(after.revision(), before.revision());
    assert_eq!(after.cluster_id(), before.cluster_id());
    assert_eq!(after.member_id(), before.member_id());
    assert_eq!(after.raft_term(), before.raft_term() + 1);
    let left = second.lease_time_to_live(lease, None).await.unwrap();
    assert!(left.ttl() >= 29);
}

#[tokio::test]
async fn dropping_everything_frees_the_directory_with_all_writes() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5_i64 {
        // The thread of the log may still be at work after the drop.
        let etcd = loop {
            match EmbeddedEtcd::open(dir.path(), options()).await {
                Ok(etcd) => break etcd,
                Err(EmbeddedError::Locked { .. }) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        };
        let mut client = client(&etcd).await;
        let found = client.get("k", None).await.unwrap();
        assert_eq!(found.count(), i64::from(round > 0));
        let put = client.put("k", round.to_string(), None).await.unwrap();
        assert_eq!(put.header().unwrap().revision(), 2 + round);
    }
}

#[tokio::test]
async fn one_of_many_becomes_host_and_all_see_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let tries = (0..8).map(|_| {
        let dir = dir.path().to_owned();
        tokio::spawn(async move { EmbeddedEtcd::open_or_join(&dir, options()).await.unwrap() })
    });
    let mut hosts = 0;
    let mut clients = Vec::new();
    let mut kept = Vec::new();
    for joined in tries.collect::<Vec<_>>() {
        let joined = joined.await.unwrap();
        let channel = match &joined {
            Joined::Host(etcd) => {
                hosts += 1;
                etcd.channel()
            }
            Joined::Guest { socket, .. } => guest_channel(socket),
        };
        clients.push(Client::from_channel(channel, None).await.unwrap());
        kept.push(joined);
    }
    assert_eq!(hosts, 1);
    for (at, client) in clients.iter_mut().enumerate() {
        let put = client.put(format!("{at}"), "", None).await.unwrap();
        assert_eq!(
            put.header().unwrap().revision(),
            2 + i64::try_from(at).unwrap()
        );
    }
}

#[tokio::test]
async fn a_guest_goes_on_with_the_next_host() {
    let dir = tempfile::tempdir().unwrap();
    let first = host(dir.path()).await;
    let mut guest = guest(dir.path()).await;
    guest.put("k", "1", None).await.unwrap();
    let mut watch = guest.watch("k", None).await.unwrap();
    watch.message().await.unwrap();
    first.shutdown().await;
    assert!(watch.message().await.is_err());
    assert!(guest.get("k", None).await.is_err());
    let _second = host(dir.path()).await;
    let mut found = guest.get("k", None).await;
    while found.is_err() {
        // The lost connection is noticed at the next use.
        found = guest.get("k", None).await;
    }
    assert_eq!(found.unwrap().kvs()[0].value(), b"1");
}

#[tokio::test]
async fn a_private_directory_is_not_shared() {
    let dir = tempfile::tempdir().unwrap();
    let _etcd = EmbeddedEtcd::open(dir.path(), options()).await.unwrap();
    let join = EmbeddedEtcd::open_or_join(dir.path(), options()).await;
    let text = join.unwrap_err().to_string();
    let me = format!("is in use by process {}", std::process::id());
    assert!(text.contains(&me), "{text}");
    let open = EmbeddedEtcd::open(dir.path(), options()).await;
    assert!(matches!(open, Err(EmbeddedError::Locked { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_serves_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let _lock = host::lock_for_tests(dir.path());
    fs::write(dir.path().join("lock"), "starting\n4321\n\nend\n").unwrap();
    let join = EmbeddedEtcd::open_or_join(dir.path(), options()).await;
    let text = join.unwrap_err().to_string();
    assert!(text.contains("process 4321 hosts"), "{text}");
    assert!(text.contains("did not answer within 5"), "{text}");
}

#[tokio::test]
async fn a_dead_hosts_socket_and_hint_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let hint = format!("serving\n1\n{}\nend\n", socket.display());
    fs::write(dir.path().join("lock"), hint).unwrap();
    let etcd = host(dir.path()).await;
    guest(dir.path()).await.put("k", "", None).await.unwrap();
    etcd.shutdown().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_deep_directory_is_served_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("deep/".repeat(40));
    let etcd = host(&dir).await;
    guest(&dir).await.put("k", "", None).await.unwrap();
    etcd.shutdown().await;
}

#[tokio::test]
async fn a_damaged_log_is_named_and_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let etcd = EmbeddedEtcd::open(dir.path(), options()).await.unwrap();
    client(&etcd).await.put("k", "v", None).await.unwrap();
    etcd.shutdown().await;
    let log = dir.path().join("0000000000000001.log");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&log, &bytes).unwrap();
    let error = EmbeddedEtcd::open(dir.path(), options()).await.unwrap_err();
    assert!(error.to_string().contains("is damaged at byte"), "{error}");
    assert_eq!(fs::read(&log).unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_share_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let etcd = EmbeddedEtcd::open(dir.path(), options()).await.unwrap();
    let client = client(&etcd).await;
    let writers = (0..64).map(|writer| {
        let mut client = client.clone();
        tokio::spawn(async move {
            for turn in 0..10 {
                let key = format!("{writer}/{turn}");
                client.put(key, "", None).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    etcd.shutdown().await;
    let log = fs::read(dir.path().join("0000000000000001.log")).unwrap();
    let frames = log.windows(4).filter(|window| window == b"END\n").count();
    assert!(frames < 400, "{frames} syncs for 640 writes");
}

#[tokio::test]
async fn a_server_whose_directory_is_deleted_serves_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("store");
    let first = host(&inner).await;
    let mut client = client(&first).await;
    let lease = client.lease_grant(60, None).await.unwrap().id();
    let (mut keeper, mut acks) = client.lease_keep_alive(lease).await.unwrap();
    fs::remove_dir_all(&inner).unwrap();
    let _second = host(&inner).await;
    keeper.keep_alive().await.unwrap();
    assert!(acks.message().await.is_err(), "two stores renew leases");
    let text = client.get("k", None).await.unwrap_err().to_string();
    assert!(text.contains("its data directory was deleted"), "{text}");
    first.shutdown().await;
    guest(&inner).await.put("k", "", None).await.unwrap();
}
