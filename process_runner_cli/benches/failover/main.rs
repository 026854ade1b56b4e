//! How long nobody runs the slots of a node that crashed, on a real etcd and with real processes.
//!
//! | figure | asks |
//! |---|---|
//! | `process_crash_*_ms` | `kill -9` of the worker process: until each slot it had begins an iteration elsewhere |
//! | `host_loss_over_ttl_*_ms` | worker process and guardian killed together: the same, beyond the time to live |
//! | `overlap` | iterations of one slot that ran at the same time |
//!
//! Three nodes; each loss takes one of them at random, the leader as often as another, and a fresh
//! node takes its place. `PR_BENCH_CRASHES` and `PR_BENCH_LOSSES` set how many, `PR_BENCH_ETCD` the
//! version of etcd: `3.4`, the slower one, unless it is `3.5`.

mod history;
mod marker;

use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use process_runner::{App, Clock};
use rustix::process::Signal;
use tempfile::TempDir;
use tests::etcd::{Etcd, Version};
use tests::program::Program;

use history::History;

const NODES: usize = 3;
const SLOTS: u32 = 12;
const TTL: Duration = Duration::from_secs(5);
/// A cluster that is not at rest after this never will be.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let first = std::env::args().nth(1);
    // A node of the cluster is this program again.
    if matches!(first.as_deref(), Some("run" | "--pr-worker")) {
        return process_runner_cli::main(App::new());
    }
    // Cargo's test runner calls benchmarks too, to see that they build; it asks for no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(document) => {
            print(&document);
            ExitCode::SUCCESS
        }
        Err(error) => {
            note(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<serde_json::Value, Box<dyn Error>> {
    let (crashes, losses) = (number("PR_BENCH_CRASHES", 60), number("PR_BENCH_LOSSES", 6));
    let version = match std::env::var("PR_BENCH_ETCD").as_deref() {
        Ok("3.5") => Version::V35,
        _ => Version::V34,
    };
    let mut cluster = Cluster::start(version)?;
    let mut crash = Vec::new();
    for _ in 0..crashes {
        crash.extend(cluster.lose(Loss::WorkerProcess)?);
    }
    let mut host = Vec::new();
    for _ in 0..losses {
        let gaps = cluster.lose(Loss::Host)?;
        host.extend(gaps.into_iter().map(|gap| gap - TTL.as_secs_f64() * 1e3));
    }
    Ok(serde_json::json!({
        "process_crash_p50_ms": quantile(&mut crash, 0.5),
        "process_crash_p99_ms": quantile(&mut crash, 0.99),
        "process_crash_max_ms": quantile(&mut crash, 1.0),
        "host_loss_over_ttl_p50_ms": quantile(&mut host, 0.5),
        "host_loss_over_ttl_p99_ms": quantile(&mut host, 0.99),
        "overlap": cluster.history.overlaps()?,
        "crashes": crashes,
        "host_losses": losses,
        "nodes": NODES,
        "slots": SLOTS,
        "etcd": format!("{version:?}"),
    }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    WorkerProcess,
    Host,
}

struct Cluster {
    nodes: Vec<(String, Program)>,
    started: u32,
    history: History,
    dir: TempDir,
    _etcd: Etcd,
}

impl Cluster {
    fn start(version: Version) -> Result<Self, Box<dyn Error>> {
        let etcd = Etcd::start(version)?;
        let dir = TempDir::new()?;
        let history = History::new(dir.path());
        let config = format!(
            "etcd: {{ endpoints: [\"{}\"], prefix: /bench, lease_ttl: {}s }}\n\
             jobs:\n  mark: {{ class: Marker, workers: {SLOTS}, options: {{ file: \"{}\" }} }}\n",
            etcd.endpoint(),
            TTL.as_secs(),
            history.file().display(),
        );
        std::fs::write(dir.path().join("config.yml"), config)?;
        let mut cluster = Self {
            nodes: Vec::new(),
            started: 0,
            history,
            dir,
            _etcd: etcd,
        };
        for _ in 0..NODES {
            cluster.join()?;
        }
        Ok(cluster)
    }

    fn join(&mut self) -> Result<(), Box<dyn Error>> {
        let name = format!("n{}", self.started);
        self.started += 1;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["run", "config.yml", "--node-name", &name])
            .current_dir(self.dir.path())
            .env("XDG_STATE_HOME", self.dir.path());
        self.nodes.push((name, Program::start(&mut command)?));
        Ok(())
    }

    /// Loses one node and replaces it: for each of its slots, the milliseconds until it ran again.
    fn lose(&mut self, loss: Loss) -> Result<Vec<f64>, Box<dyn Error>> {
        self.until_each_has(SLOTS as usize / NODES)?;
        let at = fastrand::usize(0..self.nodes.len());
        let (lost, program) = self.nodes.remove(at);
        let slots = self.history.held_by(&lost)?;
        let killed = Clock::boot().now();
        match loss {
            Loss::WorkerProcess => drop(program.signal_worker(Signal::KILL)?),
            Loss::Host => program.signal_all(Signal::KILL)?,
        }
        let until = Instant::now() + PATIENCE;
        let gaps = loop {
            if let Some(gaps) = self.history.gaps(&slots, &lost, killed)? {
                break gaps;
            }
            if Instant::now() > until {
                return Err(format!("slots of {lost} are not back: {slots:?}").into());
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        if loss == Loss::WorkerProcess {
            program.signal(Signal::TERM)?;
            program.finish()?;
        }
        self.join()?;
        Ok(gaps)
    }

    fn until_each_has(&mut self, slots: usize) -> Result<(), Box<dyn Error>> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let mut counts = self.nodes.iter().map(|(node, _)| {
                let held = self.history.held_by(node)?;
                Ok::<_, Box<dyn Error>>(held.len())
            });
            if counts.all(|count| count.is_ok_and(|count| count == slots)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("the slots are not shared evenly".into())
    }
}

fn number(variable: &str, default: usize) -> usize {
    let set = std::env::var(variable).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The value below which `part` of `values` lie, to a hundredth.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * part) as usize;
    let value = values.get(at.min(values.len().saturating_sub(1)));
    value.map_or(f64::NAN, |value| (value * 100.0).round() / 100.0)
}

#[expect(
    clippy::print_stdout,
    reason = "the document is what this program is for"
)]
fn print(document: &serde_json::Value) {
    println!("{document}");
}

#[expect(
    clippy::print_stderr,
    reason = "nothing but the document goes to standard output"
)]
fn note(text: &str) {
    eprintln!("  {text}");
}
