//! What a whole cluster costs and how fast it moves, on a real etcd.
//!
//! | benchmark | asks |
//! |---|---|
//! | `handoff` | how long does nobody run a slot that moves from node to node, compared with one etcd put? |
//! | `cold_start` | how long until every worker of a cluster that starts at once runs? |
//! | `join` | how many workers move when a node joins, how fast, and how many events does etcd send? |
//! | `idle` | what does a cluster at rest write and ask? |
//! | `heartbeat` | how long does the barrier take that proves a renewal? what does one node ask? |
//!
//! Every node is a real one, with its own lease, connections and watches; they share a process so
//! that a thousand fit a machine. Each benchmark prints one JSON document, `cargo xtask bench NAME`
//! runs it.
//!
//! | variable | sets |
//! |---|---|
//! | `PR_BENCH_NODES`, `PR_BENCH_SLOTS` | the size |
//! | `PR_BENCH_ETCD` | the version of etcd: `3.4`, the slower one, unless it is `3.5` |
//! | `PR_BENCH_LOG` | shows what the nodes log |

mod fleet;
mod handoff;
mod heartbeat;
mod scale;
mod still;

use std::error::Error;

type Measured = Result<serde_json::Value, Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo's test runner calls benchmarks too, to see that they build; it asks for no figures.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    if std::env::var_os("PR_BENCH_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_max_level(tracing::Level::INFO)
            .init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    for name in arguments.iter().filter(|name| !name.starts_with("--")) {
        let mut document = runtime.block_on(async {
            match name.as_str() {
                "handoff" => handoff::measure().await,
                "cold_start" => scale::cold_start().await,
                "join" => scale::join().await,
                "idle" => scale::idle().await,
                "heartbeat" => heartbeat::measure().await,
                other => Err(format!("no benchmark is called `{other}`").into()),
            }
        })?;
        document["etcd"] = format!("{:?}", fleet::version()).into();
        print(&document);
    }
    // A thousand nodes at once are not worth an orderly end.
    runtime.shutdown_background();
    Ok(())
}

/// Milliseconds, to a thousandth.
fn ms(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1000.0
}

/// The value below which `part` of `values` lie.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * part) as usize;
    values
        .get(at.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
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
