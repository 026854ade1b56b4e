//! The built-in class `Command`: any program as a job.
//!
//! One iteration is one run of the program, whose only record is the run itself.
//!
//! ```text
//! node --- control socket --- shim (supervise) --- program, leader of its own process group
//!   `------ stdout, stderr ----------------------------'
//! ```
//!
//! The shim is the node's own executable started again. It is the subreaper of its run, so it finds
//! every descendant of the program, those that left the process group too, and it ends when the
//! node closes the socket or dies. See `shim`.
//!
//! # Guarantees
//!
//! - After a run, whatever its end, no process of it is left: members of the group and daemons.
//!   `unlock_records` waits for that, so the slot is not handed on before.
//! - Dropping the run at any await point kills it. So does the death of the node.
//! - TERM comes first and KILL after `stop_timeout`, but always before the lease's hard deadline.
//! - Output costs bounded memory: a line is cut into pieces, a flood makes the program wait.
//!
//! # How it fails
//!
//! Without a shim (a node started by a binary that does not call `process_runner_cli::main`) the
//! program is a plain child. Its process group is still killed as above, but a descendant that
//! leaves the group by `setsid` survives, and the death of the node does not end the program.
//! With a shim, two kinds of process escape: one that runs as a user whom the node may not signal,
//! and one that hangs in the kernel and does not die of KILL.

mod options;
mod output;
mod program;
mod run;
pub mod shim;

use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::job::{Job, JobError, JobResult, WorkerContext};
use options::{Argv, Environment, StopTimeout};
pub use program::Programs;
use program::{Outcome, Spec};
use run::{Run, Stopped};

/// The exit status of a program that found nothing to do: `EX_TEMPFAIL`.
const NOTHING_TO_DO: i32 = 75;

/// Runs a program, once each iteration.
#[process_runner::job(lock_driver = "etcd")]
pub(crate) struct Command {
    /// The program and its arguments. No shell is involved; name one if you want it.
    command: Argv,
    /// Variables added to the environment of the node.
    #[job(default)]
    env: Environment,
    /// The directory the program runs in; that of the node by default.
    #[job(default)]
    cwd: Option<PathBuf>,
    /// How long the program may take to stop after TERM before it gets KILL.
    #[job(default)]
    stop_timeout: StopTimeout,
    #[job(state)]
    programs: Programs,
    /// Ends once the last run is dead and buried.
    #[job(skip)]
    buried: Option<oneshot::Receiver<()>>,
}

/// The one record of an iteration: a run that is due.
pub(crate) struct Due;

impl Job for Command {
    type Record = Due;

    async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<Due>> {
        Ok(vec![Due])
    }

    async fn process_record(&mut self, cx: &WorkerContext, _due: &Due) -> JobResult<()> {
        let (program, buried) = self.programs.start(&self.spec(cx)).map_err(|error| {
            JobError::permanent(format!("cannot start `{}`: {error}", self.command.name()))
        })?;
        self.buried = Some(buried);
        let run = Run::new(cx, self.stop_timeout.get());
        let (outcome, stopped, tail) = run.accompany(program).await;
        match (outcome, stopped) {
            (Outcome::Exited(0), _) => Ok(()),
            (_, Stopped::Yes) => Err(JobError::interrupted()),
            (Outcome::Exited(NOTHING_TO_DO), _) => {
                cx.nothing_to_do();
                Ok(())
            }
            // The worker's own backoff repeats it, and tells that it keeps failing.
            (outcome, Stopped::No) => Err(JobError::permanent(
                tail.explain(&format!("`{}` {outcome}", self.command.name())),
            )),
        }
    }

    async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
        if let Some(buried) = self.buried.take() {
            // Nothing is ever sent: the sender is dropped when the run is reaped.
            let _ = buried.await;
        }
        Ok(())
    }

    /// A failed run is a failed iteration, so that the worker backs off and says so.
    async fn quarantine(
        &mut self,
        _cx: &WorkerContext,
        _due: &Due,
        error: &JobError,
    ) -> JobResult<()> {
        Err(error.to_string().into())
    }
}

impl Command {
    fn spec(&self, cx: &WorkerContext) -> Spec {
        let mut env = self.env.pairs();
        let own = [
            ("PR_JOB", cx.job().to_owned()),
            ("PR_WORKER_INDEX", cx.worker_index().to_string()),
            ("PR_WORKERS", cx.workers().to_string()),
            ("PR_FENCE", cx.fence().to_string()),
            ("PR_NODE", cx.node().to_owned()),
            ("PR_INCARNATION", cx.incarnation().to_owned()),
        ];
        env.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Spec {
            argv: self.command.args().to_vec(),
            env,
            cwd: self.cwd.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
