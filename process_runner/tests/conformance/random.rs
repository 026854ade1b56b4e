//! Random histories, the same for every server, compared reply by reply.
//!
//! A seed makes the history while it runs against the embedded etcd, so that revisions can be chosen near the present;
//! what was chosen is then replayed against the others. Watchers that start in the present or the future are opened
//! anywhere in the history, those that start in the past only at its end: a real server feeds them with a delay, and
//! what they see would depend on it. For the same reason compactions stay ten revisions behind.

use std::path::Path;

use etcd_client::{Client, WatchRequestSender, WatchResponse, WatchStream};
use process_runner::embedded::{EmbeddedEtcd, EmbeddedOptions};
use tokio::sync::mpsc;

use crate::dice::{Dice, operation, watcher};
use crate::operation::Operation;
use crate::server::{Kind, Server};
use crate::transcript::{compare, event};
use crate::watching::{PATIENCE, Watcher, next, show};

/// How many operations a history has before its last watchers.
const LENGTH: usize = 200;

#[derive(Debug, Clone)]
enum Act {
    Do(Operation),
    Watch(Watcher),
}

/// Where the next act comes from.
enum Source<'s> {
    Dice(Dice),
    Replay(std::slice::Iter<'s, Act>),
}

impl Source<'_> {
    fn next(&mut self, turn: usize, now: i64, compacted: i64) -> Option<Act> {
        match self {
            Self::Replay(acts) => acts.next().cloned(),
            Self::Dice(_) if turn >= LENGTH + 4 => None,
            Self::Dice(dice) if turn >= LENGTH => {
                // The compacted revision itself is left out: etcd before 3.5.18 loses its deletions.
                let back = now - dice.below(30);
                let start = if back == compacted { back + 1 } else { back };
                Some(Act::Watch(watcher(dice, start.max(2))))
            }
            Self::Dice(dice) => match dice.one_in(30) {
                true => {
                    let ahead = dice.pick(&[0, 0, now + 1, now + 7]);
                    Some(Act::Watch(watcher(dice, ahead)))
                }
                false => Some(Act::Do(operation(dice, now))),
            },
        }
    }
}

/// What one run saw.
#[derive(Default)]
struct Run {
    acts: Vec<Act>,
    lines: Vec<String>,
    /// What each watcher was told, in order.
    told: Vec<Vec<String>>,
}

async fn play(server: &mut Server, mut source: Source<'_>, expected: Option<&Run>) -> Run {
    let mut run = Run::default();
    let mut streams = Vec::new();
    let mut compacted = -1;
    loop {
        let now = match server.client.get("a", None).await {
            Ok(reply) => reply.header().unwrap().revision(),
            Err(error) => panic!("{error} after {:#?}", run.acts.last()),
        };
        let Some(act) = source.next(run.acts.len(), now, compacted) else {
            break;
        };
        let reply = match &act {
            Act::Do(operation) => operation.run(&mut server.client).await,
            Act::Watch(watcher) => {
                let mut stream = watcher.open(&mut server.client).await;
                let created = show(&next(&mut stream).await.unwrap());
                streams.push(Reading::start(stream));
                created
            }
        };
        if let (Act::Do(Operation::Compact { revision, .. }), false) =
            (&act, reply.starts_with("error"))
        {
            compacted = *revision;
        }
        run.lines.push(format!(
            "{}: {act:?}\n              -> {reply}",
            run.acts.len()
        ));
        run.acts.push(act);
    }
    for (at, stream) in streams.iter_mut().enumerate() {
        let count = expected.map(|run| run.told.get(at).map_or(0, Vec::len));
        run.told.push(listen(stream, count).await);
    }
    run
}

/// A stream that is read all the time, so that it never falls behind a compaction.
struct Reading {
    requests: WatchRequestSender,
    responses: mpsc::UnboundedReceiver<WatchResponse>,
}

impl Reading {
    fn start(stream: WatchStream) -> Self {
        let (requests, mut stream) = stream.split();
        let (sender, responses) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(response)) = stream.message().await {
                if sender.send(response).is_err() {
                    return;
                }
            }
        });
        Self {
            requests,
            responses,
        }
    }

    async fn next(&mut self) -> Result<WatchResponse, &'static str> {
        match tokio::time::timeout(PATIENCE, self.responses.recv()).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err("the stream ended"),
            Err(_) => Err("nothing came"),
        }
    }
}

/// Everything a watcher is told: up to an expected number of things, and then up to an answer about progress.
async fn listen(stream: &mut Reading, count: Option<usize>) -> Vec<String> {
    let mut told = Vec::new();
    let mut asked = false;
    loop {
        if !asked && count.is_none_or(|count| told.len() >= count) {
            stream.requests.request_progress().await.unwrap();
            asked = true;
        }
        let response = match stream.next().await {
            Ok(response) => response,
            Err(error) => {
                told.push(error.to_owned());
                return told;
            }
        };
        if response.watch_id() == -1 {
            return told;
        }
        if response.canceled() {
            told.push(show(&response));
        }
        let last = response
            .events()
            .last()
            .and_then(|event| event.kv())
            .map(|kv| kv.mod_revision());
        let covered = response.header().unwrap().revision();
        assert!(
            last.is_none_or(|last| last <= covered),
            "{covered} does not cover {last:?}"
        );
        told.extend(response.events().iter().map(|one| event(&one.0)));
    }
}

/// Leaves the server empty, so that seeds do not depend on each other.
async fn clean(server: &mut Server) {
    for id in 1..5 {
        let _ = server.client.lease_revoke(id).await;
    }
    let everything = etcd_client::DeleteOptions::new().with_all_keys();
    server.client.delete("", Some(everything)).await.unwrap();
}

fn seeds() -> Vec<u64> {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
    };
    match number("PR_CONFORMANCE_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("PR_CONFORMANCE_SEEDS").unwrap_or(6)).collect(),
    }
}

#[tokio::test]
async fn random_histories_look_the_same_everywhere() {
    let mut servers = Vec::new();
    for kind in Kind::ALL {
        let mut server = Server::start(kind).await;
        clean(&mut server).await;
        servers.push(server);
    }
    for seed in seeds() {
        let reference = play(&mut servers[0], Source::Dice(Dice(seed)), None).await;
        clean(&mut servers[0]).await;
        for server in &mut servers[1..] {
            println!("seed {seed}, {:?}", server.kind);
            let replay = Source::Replay(reference.acts.iter());
            let found = play(server, replay, Some(&reference)).await;
            let what = format!("seed {seed} (PR_CONFORMANCE_SEED={seed} runs it alone)");
            let name = format!("{:?}", server.kind);
            compare(&what, ("embedded", &reference.lines), (&name, &found.lines));
            for (at, (left, right)) in reference.told.iter().zip(&found.told).enumerate() {
                let what = format!("{what}, watcher {at}");
                compare(&what, ("embedded", left), (&name, right));
            }
            clean(server).await;
        }
    }
}

/// Opens the directory's store, as a process that starts again does.
async fn reopen(dir: &Path) -> (EmbeddedEtcd, Client) {
    // Small, so that the log is rewritten as well.
    let options = EmbeddedOptions::default().log_bytes(10_000);
    let etcd = EmbeddedEtcd::open(dir, options).await.unwrap();
    let client = Client::from_channel(etcd.channel(), None).await.unwrap();
    (etcd, client)
}

#[tokio::test]
async fn a_server_that_restarts_all_the_time_answers_as_one_that_does_not() {
    let mut steady = Server::start(Kind::InProcess).await;
    let dir = tempfile::tempdir().unwrap();
    let (mut etcd, mut client) = reopen(dir.path()).await;
    client.put("ready", "", None).await.unwrap();
    for seed in seeds() {
        let reference = play(&mut steady, Source::Dice(Dice(seed)), None).await;
        for (at, act) in reference.acts.iter().enumerate() {
            if at % 7 == 0 {
                etcd.shutdown().await;
                (etcd, client) = reopen(dir.path()).await;
            }
            // The streams of watchers do not outlive a server.
            let Act::Do(operation) = act else { continue };
            let reply = operation.run(&mut client).await;
            let line = format!("{at}: {act:?}\n              -> {reply}");
            assert_eq!(reference.lines[at], line, "seed {seed}");
        }
    }
}
