//! The arguments, typed. What the help says about a command stands here, what it does in
//! `command/`.

mod cluster;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use process_runner::config::{BadName, check_name};
use process_runner::model::duration;
use process_runner::planning::ImaginedNode;

use crate::Role;
use crate::exit::Exit;
use crate::logging::LogFormat;
use crate::report::Format;

pub(crate) use cluster::{
    ClusterArgs, DrainArgs, JobArgs, NodeArgs, PauseArgs, RaiseEpochArgs, ScaleArgs, SlotArgs,
};

const EXIT_CODES: &str = "\
Exit codes:
   0  done, or stopped in order
   1  failed; the message says why
   2  wrong arguments
   3  the drain deadline passed, workers were aborted
  66  there is no configuration file
  69  etcd did not answer at start within --wait
  70  internal error
  75  the node lost its membership; start it again
  78  the configuration is wrong";

/// Runs long-running background jobs on any number of machines.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a node and run workers until it is told to stop
    ///
    /// The workers run in a child process. If that one crashes, this one ends everything it had
    /// started, frees its workers for other nodes at once, and starts it again; exit codes and
    /// signals are the same as without. TERM and INT stop in order (once more cancels what runs, a
    /// third time exits now), TSTP and USR1 hand the workers over, CONT takes some again, TTIN writes
    /// the worker table to the log.
    Run(RunArgs),
    /// Check a configuration and report every problem at once
    Validate(ValidateArgs),
    /// Show who would run what on imagined nodes, and what moves when some are lost or join
    Plan(PlanArgs),
    /// List the job classes that can be named under `class:`, with their options
    Jobs(JobsArgs),
    /// Print the JSON Schema of the configuration file, for editors
    Schema(SchemaArgs),
    /// Show the cluster: nodes, jobs, and why each worker runs not that should
    Status(ClusterArgs),
    /// List the nodes
    Nodes(ClusterArgs),
    /// List every worker with its node, state and counters
    Workers(ClusterArgs),
    /// Say why the workers of a job run where they run, or why one does not
    Explain(SlotArgs),
    /// Set how many workers a job has in the cluster, whatever its configuration says
    Scale(ScaleArgs),
    /// Stop the workers of a job on all nodes, until `resume` or for a while
    Pause(PauseArgs),
    /// End the pause of a job
    Resume(JobArgs),
    /// Let the workers of a job, or one of them, start afresh where they are
    Restart(SlotArgs),
    /// Let the workers of a job that wait after a failure or for work go on at once
    Kick(JobArgs),
    /// Make a node hand its workers over and take no more; it stays up
    Quiet(NodeArgs),
    /// Make a quiet node take workers again
    ResumeNode(NodeArgs),
    /// Make a node hand its workers over and exit
    Drain(DrainArgs),
    /// As `drain`; the second time it cancels records in hand, the third time it cuts off
    Stop(NodeArgs),
    /// Make a node write its worker table to its log
    Dump(NodeArgs),
    /// After etcd lost its data, and while no node runs: make all fences to come greater than before
    RaiseEpoch(RaiseEpochArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
}

/// The configuration file and the part of it that counts.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file; without it, config.yml, config.yaml or config/process_runner.yml
    #[arg(value_name = "CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The entry of `environments:` to use; else PR_ENV, else `development`
    #[arg(short, long, value_name = "ENV")]
    pub(crate) environment: Option<String>,
}

/// Where the job classes come from. An app's own binary accepts these and needs none of them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AppArgs {
    /// The executable with the job classes; else PR_APP, `app:`, or the cargo package around CONFIG
    #[arg(long, value_name = "PATH")]
    pub(crate) app: Option<PathBuf>,
    /// Build the cargo package with optimizations
    #[arg(long)]
    pub(crate) release: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) app: AppArgs,
    /// Run only these jobs on this node
    #[arg(long = "job", value_name = "JOB,…", value_delimiter = ',')]
    pub(crate) jobs: Vec<String>,
    /// The name of this node, which no other may have; else that of the host
    #[arg(long, value_name = "NAME", value_parser = node_name)]
    pub(crate) node_name: Option<String>,
    /// Run every job until it finds no work, then exit
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// Run the workers in this process. Without a guardian, what a crash leaves behind is free
    /// only when its lease runs out, and nothing starts it again
    #[arg(long)]
    pub(crate) no_guardian: bool,
    /// How long to wait for etcd at start
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    pub(crate) wait: Duration,
    /// What a line of the log looks like
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) app: AppArgs,
    /// Check the file as each of its environments would see it
    #[arg(long, conflicts_with = "environment")]
    pub(crate) all_envs: bool,
    /// How problems are written
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = formats())]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The nodes that are there; with :MAX those that run at most so many workers, with
    /// +LABEL=VALUE those that have a label besides the configuration's
    #[arg(
        long,
        value_name = "NAME[:MAX],…",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) nodes: Vec<ImaginedNode>,
    /// Those of them that are lost
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) lose: Vec<String>,
    /// Those that join
    #[arg(long, value_name = "NAME[:MAX],…", value_delimiter = ',')]
    pub(crate) join: Vec<ImaginedNode>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct JobsArgs {
    /// The configuration file, to find the app by
    #[arg(value_name = "CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) app: AppArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SchemaArgs {
    /// The configuration file, to find the app by
    #[arg(value_name = "CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) app: AppArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::NAMES).try_map(|name| name.parse::<Format>())
}

fn node_name(text: &str) -> Result<String, BadName> {
    check_name(text).map(|()| text.to_owned())
}

/// Reads arguments. Help, versions and mistakes are written here already.
pub(crate) fn parse(role: Role, words: Vec<OsString>) -> Result<Arguments, Exit> {
    parse_from(role, words).map_err(|error| {
        // Help is data and goes to stdout, a mistake to stderr; clap knows which is which.
        let _ = error.print();
        match error.exit_code() {
            0 => Exit::Clean,
            _ => Exit::Usage,
        }
    })
}

fn parse_from(
    role: Role,
    args: impl IntoIterator<Item = OsString>,
) -> Result<Arguments, clap::Error> {
    let matches = command(role).try_get_matches_from(args)?;
    Arguments::from_arg_matches(&matches)
}

/// The commands as clap knows them. An app's own binary does not show how to find an app.
pub(crate) fn command(role: Role) -> clap::Command {
    let command = Arguments::command().name("pr-cli");
    match role {
        Role::Stock => command,
        Role::App => command.mut_subcommands(|sub| {
            sub.mut_args(|arg| match arg.get_id().as_str() {
                "app" | "release" => arg.hide(true),
                _ => arg,
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, clap::Error> {
        let args = line.split_whitespace().map(OsString::from);
        parse_from(Role::Stock, args).map(|arguments| arguments.command)
    }

    #[test]
    fn clap_finds_no_fault_with_the_definitions() {
        command(Role::Stock).debug_assert();
        command(Role::App).debug_assert();
    }

    #[test]
    fn run_takes_everything_it_promises() {
        let line = "pr-cli run c.yml -e production --job a,b --job c --node-name n \
                    --until-idle --wait 1m30s --log-format json --app ./bin --release";
        let Ok(Command::Run(run)) = parsed(line) else {
            panic!("not understood")
        };
        assert_eq!(run.config.config, Some("c.yml".into()));
        assert_eq!(run.config.environment.as_deref(), Some("production"));
        assert_eq!(run.jobs, ["a", "b", "c"]);
        assert_eq!(run.node_name.as_deref(), Some("n"));
        assert!(run.until_idle && run.app.release);
        assert_eq!(run.wait, Duration::from_secs(90));
        assert_eq!(run.log_format, LogFormat::Json);
    }

    #[test]
    fn a_node_has_a_name_that_is_one() {
        for name in ["", "a/b", "bad!"] {
            let args = ["pr-cli", "run", "--node-name", name].map(OsString::from);
            let error = parse_from(Role::Stock, args).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("a name is 1 to 100"), "{error}");
        }
    }

    #[test]
    fn run_waits_half_a_minute_by_default() {
        let Ok(Command::Run(run)) = parsed("pr-cli run") else {
            panic!("not understood")
        };
        assert_eq!(run.wait, Duration::from_secs(30));
        assert_eq!(run.config.config, None);
    }

    #[test]
    fn one_environment_and_all_of_them_exclude_each_other() {
        assert!(parsed("pr-cli validate --all-envs -e production").is_err());
    }

    #[test]
    fn an_app_hides_how_to_find_an_app_and_accepts_it_all_the_same() {
        let help = |role| {
            let mut command = command(role);
            let run = command.find_subcommand_mut("run").unwrap();
            run.render_long_help().to_string()
        };
        assert!(help(Role::Stock).contains("--app"));
        assert!(!help(Role::App).contains("--app"));
        let args = ["pr-cli", "run", "--app", "x", "--release"].map(OsString::from);
        assert!(parse_from(Role::App, args).is_ok());
    }
}
