//! What a running node says, on stderr: a line for a person or a JSON object for a log collector.
//!
//! `RUST_LOG` chooses what is said (`info` by default; `process_runner=debug,warn`). The fields
//! `job`, `index`, `node` and `fence` name the worker in every line that concerns one.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use crate::exit::{Exit, Failure};
use crate::output;

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Compact lines for people, in colour on a terminal.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
}

/// Sends the events of `tracing` to stderr from now on. A subscriber that the embedding binary has
/// installed before stays.
pub(crate) fn start(format: LogFormat) -> Result<(), Failure> {
    let lines = SubscriberBuilder::default()
        .with_env_filter(filter()?)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(output::color_on_stderr())
        // Otherwise a closed stderr makes the subscriber panic while it reports just that.
        .log_internal_errors(false);
    // The only error is that there is a subscriber already.
    let _ = match format {
        LogFormat::Auto => lines.compact().try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
    };
    Ok(())
}

fn filter() -> Result<EnvFilter, Failure> {
    let wanted = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(wanted) if !wanted.trim().is_empty() => wanted,
        _ => "info".to_owned(),
    };
    EnvFilter::try_new(&wanted).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("RUST_LOG is `{wanted}`, which is no filter: {error}"),
        )
        .help("try `RUST_LOG=info` or `RUST_LOG=process_runner=debug,warn`")
    })
}
