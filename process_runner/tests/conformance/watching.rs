//! Watches: what each response says, and in which order.

use std::time::Duration;

use etcd_client::{Client, WatchFilterType, WatchOptions, WatchResponse, WatchStream};

use crate::operation::{Operation, Put, Step};
use crate::script::{delete, put, then};
use crate::server::{Kind, Server};
use crate::transcript::{compare, event, failure, header};

/// Long enough for any server that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Default)]
pub(crate) struct Watcher {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) end: String,
    pub(crate) start: i64,
    pub(crate) prev: bool,
    pub(crate) no_put: bool,
    pub(crate) no_delete: bool,
}

impl Watcher {
    fn options(&self) -> WatchOptions {
        let mut filters = Vec::new();
        if self.no_put {
            filters.push(WatchFilterType::NoPut);
        }
        if self.no_delete {
            filters.push(WatchFilterType::NoDelete);
        }
        let options = WatchOptions::new()
            .with_range(self.end.clone())
            .with_start_revision(self.start)
            .with_watch_id(self.id)
            .with_filters(filters);
        match self.prev {
            true => options.with_prev_key(),
            false => options,
        }
    }

    pub(crate) async fn open(&self, client: &mut Client) -> WatchStream {
        client
            .watch(self.key.clone(), Some(self.options()))
            .await
            .unwrap()
    }
}

pub(crate) fn watch(key: &str, end: &str) -> Watcher {
    Watcher {
        key: key.into(),
        end: end.into(),
        ..Watcher::default()
    }
}

/// One step with a stream of watchers.
#[derive(Debug, Clone)]
enum Act {
    Do(Operation),
    Create(Watcher),
    Cancel(i64),
    Progress,
    /// This many responses, word for word.
    Read(usize),
    /// This many events, in whatever responses they come.
    Events(usize),
}

pub(crate) async fn next(stream: &mut WatchStream) -> Result<WatchResponse, String> {
    match tokio::time::timeout(PATIENCE, stream.message()).await {
        Ok(Ok(Some(response))) => Ok(response),
        Ok(Ok(None)) => Err("the stream ended".into()),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err("nothing came".into()),
    }
}

pub(crate) fn show(response: &WatchResponse) -> String {
    let mut text = format!("id={} {}", response.watch_id(), header(response.header()));
    for (said, word) in [
        (response.created(), "created"),
        (response.canceled(), "canceled"),
    ] {
        if said {
            text = format!("{text} {word}");
        }
    }
    if response.compact_revision() != 0 || !response.cancel_reason().is_empty() {
        let why = (response.compact_revision(), response.cancel_reason());
        text = format!("{text} why={why:?}");
    }
    let events: Vec<_> = response.events().iter().map(|one| event(&one.0)).collect();
    format!("{text} {events:?}")
}

async fn run(server: &mut Server, acts: &[Act]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut stream: Option<WatchStream> = None;
    for (at, act) in acts.iter().enumerate() {
        let mut line = format!("{at}: {act:?}");
        match (act, &mut stream) {
            (Act::Do(operation), _) => {
                line = format!("{line} -> {}", operation.run(&mut server.client).await);
            }
            (Act::Create(watcher), None) => stream = Some(watcher.open(&mut server.client).await),
            (Act::Create(watcher), Some(stream)) => {
                let options = Some(watcher.options());
                stream.watch(watcher.key.clone(), options).await.unwrap();
            }
            (Act::Cancel(id), Some(stream)) => stream.cancel(*id).await.unwrap(),
            (Act::Progress, Some(stream)) => stream.request_progress().await.unwrap(),
            (Act::Read(count), Some(stream)) => {
                for _ in 0..*count {
                    let response = next(stream).await;
                    let text = response.map_or_else(|error| error, |response| show(&response));
                    line = format!("{line}\n              -> {text}");
                }
            }
            (Act::Events(count), Some(stream)) => {
                let mut seen = Vec::new();
                while seen.len() < *count {
                    match next(stream).await {
                        Ok(response) => {
                            seen.extend(response.events().iter().map(|one| event(&one.0)))
                        }
                        Err(error) => seen = vec![error; *count],
                    }
                }
                line = format!("{line} -> {seen:?}");
            }
            (_, None) => panic!("no stream yet"),
        }
        lines.push(line);
    }
    lines
}

async fn check(what: &str, acts: &[Act]) {
    let mut expected = Vec::new();
    for kind in Kind::ALL {
        let mut server = Server::start(kind).await;
        let found = run(&mut server, acts).await;
        if kind == Kind::InProcess {
            expected = found;
            continue;
        }
        let name = format!("{kind:?}");
        compare(what, ("embedded", &expected), (&name, &found));
    }
}

fn puts(keys: &str) -> Vec<Act> {
    let each = keys
        .split(' ')
        .map(|key| Act::Do(Operation::Put(put(key, key))));
    each.collect()
}

#[tokio::test]
async fn live_watchers_get_each_revision_whole() {
    let txn = then(vec![
        Step::Put(put("b", "2")),
        Step::Delete(delete("a", "")),
        Step::Put(put("c", "3")),
        Step::Put(put("x", "elsewhere")),
    ]);
    let acts = [
        vec![Act::Create(watch("a", "d")), Act::Read(1)],
        puts("a a x"),
        vec![Act::Do(Operation::Txn(txn)), Act::Read(3)],
        vec![Act::Do(Operation::Delete(delete("a", "z"))), Act::Read(1)],
        vec![
            Act::Do(Operation::Delete(delete("a", "z"))),
            Act::Progress,
            Act::Read(1),
        ],
    ];
    check("live watchers", &acts.concat()).await;
}

#[tokio::test]
async fn ids_ranges_and_cancellation() {
    let acts = [
        vec![
            Act::Create(watch("a", "b")),
            Act::Read(1),
            Act::Create(Watcher {
                id: 7,
                ..watch("a", "")
            }),
            Act::Read(1),
            Act::Create(Watcher {
                id: 7,
                ..watch("a", "")
            }),
            Act::Read(1),
            Act::Create(Watcher {
                id: 1,
                ..watch("q", "")
            }),
            Act::Read(1),
            Act::Create(watch("q", "")),
            Act::Read(1),
            Act::Create(watch("b", "a")),
            Act::Read(1),
            Act::Create(watch("b", "b")),
            Act::Read(1),
            Act::Cancel(7),
            Act::Read(1),
            Act::Cancel(7),
            Act::Cancel(99),
            Act::Progress,
            Act::Read(1),
        ],
        puts("a q"),
        // One event for the first watcher, one for each of the two on `q`, whose order is open.
        vec![Act::Read(1), Act::Events(2)],
        vec![
            Act::Create(Watcher {
                id: 7,
                ..watch("", "\0")
            }),
            Act::Read(1),
        ],
        puts("\0 zzz"),
        vec![Act::Read(2)],
    ];
    check("watch ids", &acts.concat()).await;
}

#[tokio::test]
async fn previous_values_and_filters() {
    let acts = |watcher: Watcher, events| {
        let leave = Act::Do(Operation::Put(Put {
            value: "later".into(),
            ..put("a", "")
        }));
        [
            puts("a"),
            vec![Act::Create(watcher), Act::Read(1), leave],
            puts("b"),
            vec![Act::Do(Operation::Delete(delete("a", "z")))],
            puts("a"),
            vec![Act::Events(events), Act::Progress, Act::Read(1)],
        ]
        .concat()
    };
    let all = Watcher {
        prev: true,
        ..watch("a", "z")
    };
    check("previous values", &acts(all.clone(), 5)).await;
    let deletes = Watcher {
        no_put: true,
        ..all.clone()
    };
    check("only deletions", &acts(deletes, 2)).await;
    let puts = Watcher {
        no_delete: true,
        ..all.clone()
    };
    check("only puts", &acts(puts, 3)).await;
    let nothing = Watcher {
        no_delete: true,
        no_put: true,
        ..all
    };
    check("nothing", &acts(nothing, 0)).await;
}

#[tokio::test]
async fn starting_in_the_past_the_future_and_before_a_compaction() {
    let from = |start| {
        Act::Create(Watcher {
            start,
            ..watch("a", "z")
        })
    };
    let history = puts("a b a c b a");
    let compact = Act::Do(Operation::Compact {
        revision: 5,
        physical: true,
    });
    for (start, events) in [(1, 6), (2, 6), (4, 4), (7, 1)] {
        let acts = [
            history.clone(),
            vec![from(start), Act::Read(1), Act::Events(events)],
        ];
        check("a watch from the past", &acts.concat()).await;
    }
    let future = [
        history.clone(),
        vec![from(10), Act::Read(1)],
        puts("a a a a a"),
        vec![Act::Read(3)],
    ];
    check("a watch from the future", &future.concat()).await;
    for start in [1, 4] {
        let gone = vec![
            compact.clone(),
            from(start),
            Act::Read(2),
            Act::Cancel(0),
            Act::Read(1),
        ];
        let acts = [history.clone(), gone, puts("a")];
        check("a watch from before the compaction", &acts.concat()).await;
    }
    for (start, events) in [(5, 3), (6, 2)] {
        let kept = vec![
            compact.clone(),
            from(start),
            Act::Read(1),
            Act::Events(events),
        ];
        check(
            "a watch from the compaction on",
            &[history.clone(), kept].concat(),
        )
        .await;
    }
}

#[tokio::test]
async fn a_revoked_lease_is_one_response_with_sorted_deletions() {
    let leased = |key| {
        Act::Do(Operation::Put(Put {
            lease: 9,
            ..put(key, "")
        }))
    };
    let acts = vec![
        Act::Do(Operation::Grant { id: 9, ttl: 500 }),
        leased("c"),
        leased("a"),
        leased("b"),
        Act::Create(Watcher {
            prev: true,
            ..watch("a", "z")
        }),
        Act::Read(1),
        Act::Do(Operation::Revoke(9)),
        Act::Read(1),
    ];
    check("a revoked lease", &acts).await;
}

#[tokio::test]
async fn a_stream_whose_requests_ended_goes_on_or_ends_alike() {
    let mut expected = None;
    for kind in Kind::ALL {
        let mut server = Server::start(kind).await;
        let mut stream = watch("a", "").open(&mut server.client).await;
        next(&mut stream).await.unwrap();
        let (requests, mut responses) = stream.split();
        drop(requests);
        server.client.put("a", "", None).await.unwrap();
        let heard = tokio::time::timeout(PATIENCE, responses.message()).await;
        let heard = match heard {
            Ok(Ok(Some(response))) => show(&response),
            Ok(other) => format!("{other:?}"),
            Err(_) => "nothing".to_owned(),
        };
        assert_eq!(*expected.get_or_insert(heard.clone()), heard, "{kind:?}");
    }
}
