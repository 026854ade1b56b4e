//! How the steps of the store are written: a tag byte, then fields.
//!
//! Numbers are eight bytes, little-endian; byte strings have their length before them as four. A frame's payload is a
//! list of items. Nothing here is guessed: a payload has a good checksum, so one that does not parse is damage or a bug.

use std::sync::Arc;

use etcd_client::proto::PbKeyValue;

use super::super::store::{Entry, Record};

/// One entry of a payload.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// The head of a snapshot.
    Meta(Meta),
    /// An entry older than the history.
    Old(Entry),
    /// An entry of the history.
    Logged(Entry),
    /// A lease and its granted seconds.
    Lease { id: i64, ttl: i64 },
    /// The snapshot is complete.
    SnapshotEnd,
    /// A step after the snapshot.
    Step(Record),
}

/// What a snapshot says about the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) cluster_id: u64,
    pub(super) member_id: u64,
    pub(super) term: u64,
    pub(super) revision: i64,
    pub(super) compacted: i64,
}

const META: u8 = 1;
const OLD: u8 = 2;
const LOGGED: u8 = 3;
const LEASE: u8 = 4;
const SNAPSHOT_END: u8 = 5;
const COMMIT: u8 = 6;
const GRANT: u8 = 7;
const REVOKE: u8 = 8;
const COMPACT: u8 = 9;
const TERM: u8 = 10;

/// Appends an item of a snapshot.
pub(super) fn write_item(out: &mut Vec<u8>, item: &Item) {
    match item {
        Item::Meta(meta) => {
            out.push(META);
            for id in [meta.cluster_id, meta.member_id, meta.term] {
                write_number(out, id.cast_signed());
            }
            write_number(out, meta.revision);
            write_number(out, meta.compacted);
        }
        Item::Old(entry) => {
            out.push(OLD);
            write_entry(out, entry);
        }
        Item::Logged(entry) => {
            out.push(LOGGED);
            write_entry(out, entry);
        }
        Item::Lease { id, ttl } => {
            out.push(LEASE);
            write_number(out, *id);
            write_number(out, *ttl);
        }
        Item::SnapshotEnd => out.push(SNAPSHOT_END),
        Item::Step(record) => write_record(out, record),
    }
}

/// Appends a step.
pub(super) fn write_record(out: &mut Vec<u8>, record: &Record) {
    match record {
        Record::Commit(entries) => {
            out.push(COMMIT);
            write_number(out, i64::try_from(entries.len()).unwrap_or(i64::MAX));
            for entry in entries {
                write_entry(out, entry);
            }
        }
        Record::Grant { id, ttl } => {
            out.push(GRANT);
            write_number(out, *id);
            write_number(out, *ttl);
        }
        Record::Revoke { id } => {
            out.push(REVOKE);
            write_number(out, *id);
        }
        Record::Compact(revision) => {
            out.push(COMPACT);
            write_number(out, *revision);
        }
        Record::Term(term) => {
            out.push(TERM);
            write_number(out, term.cast_signed());
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn write_entry(out: &mut Vec<u8>, entry: &PbKeyValue) {
    write_bytes(out, &entry.key);
    write_bytes(out, &entry.value);
    for number in [
        entry.create_revision,
        entry.mod_revision,
        entry.version,
        entry.lease,
    ] {
        write_number(out, number);
    }
}

/// Reads the items of a payload; `None` at the first that makes no sense.
pub(super) fn read_items(payload: &[u8]) -> Option<Vec<Item>> {
    let mut reader = Reader(payload);
    let mut items = Vec::new();
    while !reader.0.is_empty() {
        items.push(reader.item()?);
    }
    Some(items)
}

struct Reader<'p>(&'p [u8]);

impl<'p> Reader<'p> {
    fn take(&mut self, length: usize) -> Option<&'p [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<i64> {
        let bytes = self.take(8)?.try_into().ok()?;
        Some(i64::from_le_bytes(bytes))
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = self.take(4)?.try_into().ok().map(u32::from_le_bytes)?;
        self.take(length as usize).map(<[u8]>::to_vec)
    }

    fn entry(&mut self) -> Option<Entry> {
        Some(Arc::new(PbKeyValue {
            key: self.bytes()?,
            value: self.bytes()?,
            create_revision: self.number()?,
            mod_revision: self.number()?,
            version: self.number()?,
            lease: self.number()?,
        }))
    }

    fn item(&mut self) -> Option<Item> {
        let [tag] = *self.take(1)? else { return None };
        Some(match tag {
            META => Item::Meta(self.meta()?),
            OLD => Item::Old(self.entry()?),
            LOGGED => Item::Logged(self.entry()?),
            LEASE => Item::Lease {
                id: self.number()?,
                ttl: self.number()?,
            },
            SNAPSHOT_END => Item::SnapshotEnd,
            COMMIT => Item::Step(Record::Commit(self.entries()?)),
            GRANT => Item::Step(Record::Grant {
                id: self.number()?,
                ttl: self.number()?,
            }),
            REVOKE => Item::Step(Record::Revoke { id: self.number()? }),
            COMPACT => Item::Step(Record::Compact(self.number()?)),
            TERM => Item::Step(Record::Term(self.number()?.cast_unsigned())),
            _ => return None,
        })
    }

    fn entries(&mut self) -> Option<Vec<Entry>> {
        let count = self.number()?;
        (0..count).map(|_| self.entry()).collect()
    }

    fn meta(&mut self) -> Option<Meta> {
        Some(Meta {
            cluster_id: self.number()?.cast_unsigned(),
            member_id: self.number()?.cast_unsigned(),
            term: self.number()?.cast_unsigned(),
            revision: self.number()?,
            compacted: self.number()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind() -> Vec<Item> {
        let entry = Arc::new(PbKeyValue {
            key: b"k".to_vec(),
            value: vec![0, 255],
            create_revision: 2,
            mod_revision: 3,
            version: 4,
            lease: -5,
        });
        let meta = Meta {
            cluster_id: u64::MAX,
            member_id: 1,
            term: 2,
            revision: 3,
            compacted: -1,
        };
        vec![
            Item::Meta(meta),
            Item::Old(Arc::clone(&entry)),
            Item::Logged(Arc::clone(&entry)),
            Item::Lease { id: 1, ttl: 2 },
            Item::SnapshotEnd,
            Item::Step(Record::Commit(vec![entry])),
            Item::Step(Record::Grant { id: 1, ttl: 2 }),
            Item::Step(Record::Revoke { id: 1 }),
            Item::Step(Record::Compact(9)),
            Item::Step(Record::Term(3)),
        ]
    }

    #[test]
    fn every_kind_of_item_reads_back() {
        let mut out = Vec::new();
        for item in every_kind() {
            write_item(&mut out, &item);
        }
        assert_eq!(read_items(&out), Some(every_kind()));
    }

    #[test]
    fn a_cut_payload_is_noticed() {
        for item in every_kind() {
            let mut out = Vec::new();
            write_item(&mut out, &item);
            for cut in 1..out.len() {
                assert_eq!(read_items(&out[..cut]), None, "{item:?} at {cut}");
            }
        }
    }
}
