//! The shape of the file: one table per section, from which reading, overlaying, "did you mean"
//! and the JSON Schema all follow.
//!
//! Nothing is decided here beyond type and range; [`validate`](super::validate) makes a
//! [`Config`](super::Config) of it.

use super::problem::Problem;
use super::read::{
    self, At, Count, Field, Fields, Flag, Labels, List, Named, NamedSection, Options, Read,
    Section, Text, Time, overlay, section,
};
use super::tree::Key;

const YEAR: u64 = 365 * 24 * 3_600_000;

section! {
    /// The configuration of process_runner.
    RawFile {
        /// What `pr-cli run` executes: `package` (built by cargo) or `path`.
        app: RawApp,
        /// The etcd cluster. Without this section an embedded one serves this machine only.
        etcd: RawEtcd,
        /// Settings of the node.
        global: RawGlobal,
        /// Settings laid over `global` for `-e NAME`, else `PR_ENV`, else `development`.
        environments: Named<RawGlobal>,
        /// The jobs, by name.
        jobs: Named<RawJob>,
    }
}

section! {
    /// What `pr-cli run` executes.
    RawApp {
        /// A cargo package, built before it runs.
        package: Text,
        /// A program, relative to this file.
        path: Text,
    }
}

section! {
    /// How nodes coordinate.
    RawEtcd {
        /// The cluster's client addresses, such as `http://127.0.0.1:2379`.
        endpoints: List<Text>,
        /// Serve this machine alone, with nothing to install. Excludes `endpoints`.
        embedded: Flag,
        /// Where all keys live; nodes with the same prefix are one cluster.
        prefix: Text = "/process_runner/default",
        /// The time after which a vanished machine's slots move.
        lease_ttl: Time<5_000, 3_600_000> = "10s",
        /// Where the embedded etcd keeps its data.
        data_dir: Text,
        /// The etcd user.
        username: Text,
        /// The etcd user's password; best given as `${VAR:?message}`.
        password: Text,
        /// A file with the certificates of the authority to trust, for https.
        ca: Text,
        /// A file with the client certificate.
        cert: Text,
        /// A file with the client certificate's private key.
        key: Text,
    }
}

section! {
    /// Settings of the node.
    RawGlobal {
        /// How many workers this node runs at most. Without it there is no cap.
        max_workers: Count<1, 1_000_000>,
        /// How long a node may take to drain when it is asked to stop.
        shutdown_timeout: Time<0, YEAR> = "30s",
        /// Who the node is.
        node: RawNode,
    }
}

section! {
    /// Who the node is.
    RawNode {
        /// Its name; the host name if there is none.
        name: Text,
        /// The zone it is in.
        zone: Text,
        /// Its share of the work, compared with the other nodes' weights.
        weight: Count<1, 10_000> = 1,
        /// Free labels.
        labels: Labels,
    }
}

section! {
    /// A job: a class and how many workers run it.
    RawJob {
        /// The struct that carries `#[job]`, or `Command`.
        class: Text,
        /// How many workers there are in the whole cluster; 0 parks the job.
        workers: Count<0, 1_000_000> = 1,
        /// How many of them one node may run.
        max_per_node: Count<1, 1_000_000>,
        /// It runs only on nodes that have these labels.
        labels: Labels,
        /// The pause between two iterations.
        interval: Time<0, YEAR> = "0s",
        /// The backoff after an empty batch.
        idle: RawIdle,
        /// How long one record may take.
        record_timeout: Time<1, YEAR>,
        /// A worker without progress for this long is reported, then restarted.
        stuck_after: Time<1_000, YEAR>,
        /// Before a planned move the worker on the other node runs `prepare` first, while this one works
        /// on for at most so long.
        prepare_ahead: Time<0, YEAR> = "0s",
        /// After a holder that was lost without having ended cleanly (a crash, a cut-off) the next one
        /// waits so long before its first iteration: for effects that no fence can refuse.
        lock_delay: Time<0, YEAR> = "0s",
        /// What happens after an error.
        retry: RawRetry,
        /// The fields of the job's struct.
        options: Options,
    }
}

section! {
    /// The backoff after an empty batch.
    RawIdle {
        /// The first pause.
        min: Time<1, YEAR> = "50ms",
        /// The longest pause.
        max: Time<1, YEAR> = "5s",
    }
}

section! {
    /// What happens after an error.
    RawRetry {
        /// How often a failed record is tried again before it is quarantined.
        record: Count<0, 1_000> = 3,
        /// The first backoff.
        min: Time<1, YEAR> = "1s",
        /// The longest backoff.
        max: Time<1, YEAR> = "5m",
    }
}

impl NamedSection for RawGlobal {
    const WORD: &'static str = "environment";
}

impl NamedSection for RawJob {
    const WORD: &'static str = "job";
}
