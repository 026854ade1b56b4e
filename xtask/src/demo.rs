//! `cargo xtask demo`: the main example on real input.
//!
//! Four workers of `examples/process_queue` hash every file of the dependencies that cargo has
//! unpacked, from a clean queue under `target/demo`, until the queue is empty. The checksums go
//! to `target/demo/SHA256SUMS`, for anybody to check:
//!
//! ```text
//! sha256sum --quiet -c target/demo/SHA256SUMS
//! ```

mod queue;

use std::fs::{self, File};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

pub(crate) use queue::{Progress, Queue};

use crate::error::{Error, Result};
use crate::{tools, workspace};

const TWICE_A_SECOND: Duration = Duration::from_millis(500);

/// Runs the demonstration and prints its summary.
pub(crate) fn run(release: bool) -> Result<()> {
    let queue = build(release)?;
    let (progress, took) = drain(&queue)?;
    let sums = queue.dir().join("SHA256SUMS");
    fs::write(&sums, queue.sums()?).map_err(Error::at(&sums))?;
    let failed = queue.failed()?;
    print!("{failed}");
    println!("{}", summary(progress, took));
    println!("checksums: {}", relative(&sums).display());
    if progress.failed > 0 {
        return Err(Error::Found(format!(
            "{} files could not be read",
            progress.failed
        )));
    }
    Ok(())
}

/// Builds the example and lays out a clean queue.
pub(crate) fn build(release: bool) -> Result<Queue> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--package", "process_queue", "--bins"]);
    if release {
        cargo.arg("--release");
    }
    workspace::run(cargo.envs(tools::for_build()?))?;
    Queue::clean(&workspace::target().join("demo"), release)
}

/// Runs the workers until nothing is left, and says how far they are on standard error.
pub(crate) fn drain(queue: &Queue) -> Result<(Progress, Duration)> {
    let started = Instant::now();
    let log = queue.dir().join("process_queue.log");
    let mut runner = queue.start(File::create(&log).map_err(Error::at(&log))?)?;
    let ended = watch(&mut runner, || {
        // Nothing to tell while the queue is being made and filled.
        if let Ok(progress) = queue.progress()
            && progress != Progress::default()
        {
            eprintln!("{progress}");
        }
    });
    let took = started.elapsed();
    match ended {
        Ok(status) if status.success() => {}
        Ok(status) => {
            eprint!("{}", tail(&log));
            return Err(Error::Failed {
                what: format!("the runner (see {})", relative(&log).display()),
                status,
            });
        }
        Err(error) => return Err(Error::at(&log)(error)),
    }
    let progress = queue.progress()?;
    if progress.left() > 0 {
        return Err(Error::Found(format!(
            "the runner stopped with {} files left",
            progress.left()
        )));
    }
    Ok((progress, took))
}

/// Waits for `runner` and calls `tell` about twice a second meanwhile.
fn watch(runner: &mut Child, tell: impl Fn()) -> std::io::Result<std::process::ExitStatus> {
    let mut told = Instant::now();
    loop {
        if let Some(status) = runner.try_wait()? {
            return Ok(status);
        }
        if told.elapsed() >= TWICE_A_SECOND {
            told = Instant::now();
            tell();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn summary(progress: Progress, took: Duration) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    format!(
        "{} files, {:.1} MiB in {seconds:.1} s: {:.0} records per second, {} errors",
        progress.done,
        progress.mebibytes(),
        progress.done as f64 / seconds,
        progress.failed
    )
}

/// The end of the runner's log.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(30)..];
    last.iter().map(|line| format!("{line}\n")).collect()
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix(workspace::root()).unwrap_or(path)
}
