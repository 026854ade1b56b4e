//! Random histories, the same for every server, compared reply by reply.
//!
//! A seed makes the history while it runs against the embedded etcd, so that revisions can be chosen near the present;
//! what was chosen is then replayed against the others. Watchers that start in the present or the future are opened
//! anywhere in the history, those that start in the past only at its end: a real server feeds them with a delay, and
//! what they see would depend on it. For the same reason compactions stay ten revisions behind.

use etcd_client::{
    CompareOp, SortOrder, SortTarget, WatchRequestSender, WatchResponse, WatchStream,
};
use tokio::sync::mpsc;

use crate::operation::{Condition, Delete, Get, Operation, Put, Step, Target, Transaction};
use crate::server::{Kind, Server};
use crate::transcript::{compare, event};
use crate::watching::{PATIENCE, Watcher, next, show};

/// Not more than six: etcd 3.5.1 sorts more in an order that leaves equal values as they happen to fall.
const KEYS: [&str; 6] = ["a", "aa", "b", "c", "d", "\u{ff}"];
const ENDS: [&str; 6] = ["", "", "b", "d", "\0", "\u{ff}\u{ff}"];
const LENGTH: usize = 200;

/// A small generator of random numbers with a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(i64::try_from(from.len()).unwrap())).unwrap()].clone()
    }

    fn key(&mut self) -> String {
        self.pick(&KEYS).to_owned()
    }

    fn end(&mut self) -> String {
        self.pick(&ENDS).to_owned()
    }

    /// No lease mostly, one that may be there, or one that never is.
    fn lease(&mut self) -> i64 {
        self.pick(&[0, 0, 0, 1, 2, 3, 9])
    }

    fn revision(&mut self, now: i64) -> i64 {
        match self.below(3) {
            0 => 0,
            _ => now - self.below(25) + 1,
        }
    }
}

fn put(dice: &mut Dice) -> Put {
    let ignore_value = dice.one_in(8);
    let ignore_lease = dice.one_in(8);
    Put {
        key: dice.key(),
        value: if ignore_value {
            String::new()
        } else {
            dice.below(4).to_string()
        },
        lease: if ignore_lease { 0 } else { dice.lease() },
        prev: dice.one_in(2),
        ignore_value,
        ignore_lease,
    }
}

fn get(dice: &mut Dice, now: i64) -> Get {
    let targets = [
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::Create,
        SortTarget::Mod,
        SortTarget::Value,
    ];
    let orders = [SortOrder::None, SortOrder::Ascend, SortOrder::Descend];
    let bounds = |dice: &mut Dice| match dice.one_in(5) {
        true => (dice.revision(now).max(0), dice.revision(now).max(0)),
        false => (0, 0),
    };
    Get {
        key: dice.key(),
        end: dice.end(),
        revision: dice.revision(now),
        limit: dice.pick(&[0, 0, 1, 2, 3]),
        sort: dice
            .one_in(3)
            .then(|| (dice.pick(&targets), dice.pick(&orders))),
        keys_only: dice.one_in(6),
        count_only: dice.one_in(8),
        mod_revisions: bounds(dice),
        create_revisions: bounds(dice),
    }
}

fn delete(dice: &mut Dice) -> Delete {
    let end = if dice.one_in(3) {
        dice.end()
    } else {
        String::new()
    };
    Delete {
        key: dice.key(),
        end,
        prev: dice.one_in(2),
    }
}

/// A deletion with an end. etcd does not see that one without an end meets a put of the same transaction, and a put
/// that wants the old value or lease then panics: the real server dies. The embedded one puts without them.
fn bounded(delete: Delete) -> Delete {
    match delete.end.as_str() {
        "\0" => Delete {
            end: String::new(),
            ..delete
        },
        _ => delete,
    }
}

fn condition(dice: &mut Dice, now: i64) -> Condition {
    let ops = [
        CompareOp::Equal,
        CompareOp::Greater,
        CompareOp::Less,
        CompareOp::NotEqual,
    ];
    let target = match dice.below(5) {
        0 => Target::Version(dice.below(3)),
        1 => Target::Create(dice.revision(now)),
        2 => Target::Mod(dice.revision(now)),
        3 => Target::Lease(dice.lease()),
        _ => Target::Value(dice.below(4).to_string()),
    };
    let end = if dice.one_in(4) {
        dice.end()
    } else {
        String::new()
    };
    Condition {
        key: dice.key(),
        end,
        op: dice.pick(&ops),
        target,
    }
}

fn transaction(dice: &mut Dice, now: i64, depth: i64) -> Transaction {
    let steps = |dice: &mut Dice| -> Vec<Step> {
        let count = dice.below(4);
        (0..count)
            .map(|_| match dice.below(if depth > 0 { 8 } else { 7 }) {
                0..3 => Step::Put(put(dice)),
                3..5 => Step::Get(get(dice, now)),
                5..7 => Step::Delete(bounded(delete(dice))),
                _ => Step::Txn(transaction(dice, now, depth - 1)),
            })
            .collect()
    };
    let (then, otherwise) = (steps(dice), steps(dice));
    let count = dice.below(3);
    let when = (0..count).map(|_| condition(dice, now)).collect();
    Transaction {
        when,
        then,
        otherwise,
    }
}

fn operation(dice: &mut Dice, now: i64) -> Operation {
    match dice.below(40) {
        0..11 => Operation::Put(put(dice)),
        11..17 => Operation::Get(get(dice, now)),
        17..20 => Operation::Delete(delete(dice)),
        20..32 => Operation::Txn(transaction(dice, now, 2)),
        32 => Operation::Compact {
            revision: now - 10 - dice.below(20),
            physical: dice.one_in(2),
        },
        33..35 => Operation::Grant {
            id: dice.below(3) + 1,
            ttl: 1000 + dice.below(100),
        },
        35 => Operation::Revoke(dice.below(4) + 1),
        36 => Operation::KeepAlive(dice.below(4) + 1),
        37 => Operation::TimeToLive {
            id: dice.below(4) + 1,
            keys: dice.one_in(2),
        },
        38 => Operation::Leases,
        _ => Operation::Get(get(dice, now)),
    }
}

fn watcher(dice: &mut Dice, start: i64) -> Watcher {
    Watcher {
        id: 0,
        key: dice.key(),
        end: dice.pick(&["", "b", "d", "\0", "\0"]).to_owned(),
        start,
        prev: dice.one_in(2),
        no_put: dice.one_in(6),
        no_delete: dice.one_in(6),
    }
}

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
