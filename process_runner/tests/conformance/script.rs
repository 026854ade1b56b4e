//! Runs a script against every server and compares the transcripts.

use crate::operation::{Condition, Delete, Get, Operation, Put, Step, Target, Transaction};
use crate::server::{Kind, Server};
use crate::transcript::compare;
use etcd_client::CompareOp;

pub(crate) fn put(key: &str, value: &str) -> Put {
    Put {
        key: key.into(),
        value: value.into(),
        ..Put::default()
    }
}

pub(crate) fn get(key: &str, end: &str) -> Get {
    Get {
        key: key.into(),
        end: end.into(),
        ..Get::default()
    }
}

pub(crate) fn delete(key: &str, end: &str) -> Delete {
    Delete {
        key: key.into(),
        end: end.into(),
        prev: true,
    }
}

pub(crate) fn when(key: &str, op: CompareOp, target: Target) -> Condition {
    Condition {
        key: key.into(),
        end: String::new(),
        op,
        target,
    }
}

pub(crate) fn then(then: Vec<Step>) -> Transaction {
    Transaction {
        then,
        ..Transaction::default()
    }
}

/// Every operation's reply, each with the operation before it.
pub(crate) async fn transcript(server: &mut Server, script: &[Operation]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, operation) in script.iter().enumerate() {
        let reply = operation.run(&mut server.client).await;
        lines.push(format!("{at}: {operation:?}\n              -> {reply}"));
    }
    lines
}

/// For scripts that every server answers alike.
pub(crate) const SAME: fn(Kind, &mut Vec<String>) = |_, _| {};

/// Runs the script on a fresh server of every kind. `but` changes the expectation for a server that is known to differ.
pub(crate) async fn check(what: &str, script: &[Operation], but: impl Fn(Kind, &mut Vec<String>)) {
    let mut expected = Vec::new();
    for kind in Kind::ALL {
        let mut server = Server::start(kind).await;
        let found = transcript(&mut server, script).await;
        if kind == Kind::InProcess {
            expected = found;
            continue;
        }
        let mut expected = expected.clone();
        but(kind, &mut expected);
        let name = format!("{kind:?}");
        compare(what, ("embedded", &expected), (&name, &found));
    }
}
