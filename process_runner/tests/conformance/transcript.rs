//! Replies in a normal form, and where two transcripts part.

use etcd_client::proto::{PbEvent, PbKeyValue};
use etcd_client::{Error, ResponseHeader};

/// Only the revision: ids and terms are each server's own.
pub(crate) fn header(header: Option<&ResponseHeader>) -> String {
    match header {
        Some(header) => format!("@{}", header.revision()),
        None => "@none".to_owned(),
    }
}

pub(crate) fn key_value(kv: &PbKeyValue) -> String {
    let value = match kv.value.len() {
        0..100 => kv.value.escape_ascii().to_string(),
        long => format!("({long} bytes)"),
    };
    format!(
        "{}={value} c{} m{} v{} l{}",
        kv.key.escape_ascii(),
        kv.create_revision,
        kv.mod_revision,
        kv.version,
        kv.lease
    )
}

pub(crate) fn key_values(kvs: &[PbKeyValue]) -> Vec<String> {
    kvs.iter().map(key_value).collect()
}

pub(crate) fn event(event: &PbEvent) -> String {
    let kind = if event.r#type == 0 { "put" } else { "delete" };
    let kv = event.kv.as_ref().map(key_value);
    let prev = event.prev_kv.as_ref().map(key_value);
    format!("{kind} {kv:?} prev={prev:?}")
}

/// Code and message of an error, word for word.
pub(crate) fn failure(error: &Error) -> String {
    match error {
        Error::GRpcStatus(status) => format!("error {:?}: {}", status.code(), status.message()),
        other => format!("error: {other}"),
    }
}

/// Fails at the first line in which `found` differs from `expected`.
pub(crate) fn compare(what: &str, expected: (&str, &[String]), found: (&str, &[String])) {
    let lines = expected.1.len().max(found.1.len());
    for line in 0..lines {
        let [left, right] =
            [expected.1, found.1].map(|lines| lines.get(line).map_or("(nothing)", String::as_str));
        if left == right {
            continue;
        }
        // Long enough for everything but values made to be large.
        let [left, right] = [left, right].map(|line| line.chars().take(4000).collect::<String>());
        let (here, there) = (expected.0, found.0);
        panic!(
            "\n{what}: the servers differ at line {line}\n  {here:>10}: {left}\n  {there:>10}: {right}\n"
        );
    }
}
