//! The life of one run as the worker sees it: output comes in, a stop may come, deadlines pass.
//!
//! Everything happens in the worker's own future. There is no task beside it that could outlive
//! the run, and a program that writes faster than the log takes it waits at its full pipe.

use std::time::Duration;

use tokio::net::unix::pipe;

use super::output::{Lines, Tail};
use super::program::{Outcome, Pipes, Program};
use crate::job::WorkerContext;
use crate::model::Moment;

/// KILL comes so long before the hard deadline of the lease, to be over in time.
const MARGIN: Duration = Duration::from_millis(500);
/// A shim may take so long to kill its run, but no longer than this before the deadline.
const SHIM_PATIENCE: Duration = Duration::from_secs(2);
const LAST_MARGIN: Duration = Duration::from_millis(100);
/// What is read after the end of the run: the pipe's own size, and room for a larger one.
const REST_LIMIT: usize = 1024 * 1024;

/// Whether the run was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    Yes,
    No,
}

/// How far the end of a run has come. Stages only go forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// TERM was sent then.
    Asked(Moment),
    /// KILL was sent, or asked of the shim, then.
    Killed(Moment),
    /// The shim was killed too: there is nothing more to do.
    Over,
}

/// A run and what limits it.
pub(super) struct Run<'a> {
    cx: &'a WorkerContext,
    stop_timeout: Duration,
    stdout: Lines,
    stderr: Lines,
    tail: Tail,
}

impl<'a> Run<'a> {
    pub(super) fn new(cx: &'a WorkerContext, stop_timeout: Duration) -> Self {
        Self {
            cx,
            stop_timeout,
            stdout: Lines::default(),
            stderr: Lines::default(),
            tail: Tail::default(),
        }
    }

    /// Accompanies `program` to its end. Dropped, it kills it.
    pub(super) async fn accompany(mut self, mut program: Program) -> (Outcome, Stopped, Tail) {
        let mut buffer = vec![0; 16 * 1024];
        let mut stopping = std::pin::pin!(self.cx.stopping());
        let mut open = [true; 2];
        let mut stage = Stage::Running;
        loop {
            let due = self.due(stage);
            tokio::select! {
                biased;
                () = program.exit.wait() => break,
                () = &mut stopping, if stage == Stage::Running => {
                    program.terminate();
                    stage = Stage::Asked(self.now());
                }
                () = self.cx.holding().clock.sleep_until(due), if stage != Stage::Over => {
                    // A renewal may have moved the deadline on meanwhile.
                    if self.now() >= self.due(stage) {
                        stage = self.go_on(stage, &mut program);
                    }
                }
                (stream, read) = read(&program.pipes, &mut buffer, open) => match read {
                    0 => open[stream as usize] = false,
                    read => self.take(stream, &buffer[..read]),
                }
            }
        }
        let outcome = program.finish();
        self.take_rest(&program.pipes, &mut buffer);
        let stopped = match stage {
            Stage::Running => Stopped::No,
            _ => Stopped::Yes,
        };
        (outcome, stopped, self.tail)
    }

    fn now(&self) -> Moment {
        self.cx.holding().clock.now()
    }

    /// When a stage is over, at the latest.
    fn due(&self, stage: Stage) -> Moment {
        let hard = self.cx.hard_deadline();
        match stage {
            Stage::Running => hard - MARGIN,
            Stage::Asked(at) => (hard - MARGIN).min(at + self.stop_timeout),
            Stage::Killed(at) => (hard - LAST_MARGIN).min(at + SHIM_PATIENCE),
            Stage::Over => Moment::NEVER,
        }
    }

    /// The time of a stage is up.
    fn go_on(&self, stage: Stage, program: &mut Program) -> Stage {
        match stage {
            Stage::Running | Stage::Asked(_) => {
                program.kill();
                Stage::Killed(self.now())
            }
            Stage::Killed(_) | Stage::Over => {
                program.kill_shim();
                Stage::Over
            }
        }
    }

    /// Logs what the program wrote. Output is progress.
    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        self.cx.progress();
        let cx = self.cx;
        match stream {
            Stream::Stdout => self.stdout.push(bytes, |line| log(cx, "stdout", line)),
            Stream::Stderr => self.stderr.push(bytes, |line| {
                self.tail.push(line);
                log(cx, "stderr", line);
            }),
        }
    }

    /// Takes what is still in the pipes. Nobody writes to them any more, except somebody who
    /// escaped, and that one is not waited for.
    ///
    /// This asks the system and not tokio, which may not have heard yet that there is something.
    fn take_rest(&mut self, pipes: &Pipes, buffer: &mut [u8]) {
        for (stream, pipe) in [
            (Stream::Stdout, &pipes.stdout),
            (Stream::Stderr, &pipes.stderr),
        ] {
            let mut left = REST_LIMIT;
            while left > 0
                && let Ok(read) = rustix::io::read(pipe, &mut *buffer)
                && read > 0
            {
                self.take(stream, &buffer[..read]);
                left = left.saturating_sub(read);
            }
        }
        let cx = self.cx;
        self.stdout.finish(|line| log(cx, "stdout", line));
        self.stderr.finish(|line| {
            self.tail.push(line);
            log(cx, "stderr", line);
        });
    }
}

/// Which of the two a program wrote to.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Stdout = 0,
    Stderr = 1,
}

/// The next bytes of either stream; 0 at the end of that one. Cancel safe.
async fn read(pipes: &Pipes, buffer: &mut [u8], open: [bool; 2]) -> (Stream, usize) {
    loop {
        let stream = tokio::select! {
            _ = pipes.stdout.readable(), if open[0] => Stream::Stdout,
            _ = pipes.stderr.readable(), if open[1] => Stream::Stderr,
            else => std::future::pending().await,
        };
        if let Some(read) = try_read(pipe_of(pipes, stream), buffer) {
            return (stream, read);
        }
    }
}

fn pipe_of(pipes: &Pipes, stream: Stream) -> &pipe::Receiver {
    match stream {
        Stream::Stdout => &pipes.stdout,
        Stream::Stderr => &pipes.stderr,
    }
}

/// `None` if there was nothing after all; a broken pipe is at its end.
fn try_read(pipe: &pipe::Receiver, buffer: &mut [u8]) -> Option<usize> {
    match pipe.try_read(buffer) {
        Ok(read) => Some(read),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
        Err(_) => Some(0),
    }
}

fn log(cx: &WorkerContext, stream: &'static str, line: &str) {
    tracing::info!(job = %cx.job(), index = cx.worker_index(), stream, "{line}");
}
