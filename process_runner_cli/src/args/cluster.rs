//! The arguments of the commands that look at a cluster or steer it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use process_runner::cluster::Workers;
use process_runner::model::duration;

use super::ConfigArgs;

/// Which cluster to talk to, and how to answer.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClusterArgs {
    /// The configuration file whose `etcd:` section to use
    #[arg(short, long, value_name = "CONFIG", conflicts_with = "endpoints")]
    config: Option<PathBuf>,
    /// The entry of `environments:` to use; else PR_ENV, else `development`
    #[arg(short, long, value_name = "ENV")]
    environment: Option<String>,
    /// The endpoints of etcd, instead of a configuration file
    #[arg(long, value_name = "URL,…", value_delimiter = ',')]
    pub(crate) endpoints: Vec<String>,
    /// The prefix of the keys, with --endpoints
    #[arg(long, value_name = "PREFIX", default_value = "/process_runner/default")]
    pub(crate) prefix: String,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

impl ClusterArgs {
    /// The configuration to read, if no endpoints were given.
    pub(crate) fn config(&self) -> ConfigArgs {
        ConfigArgs {
            config: self.config.clone(),
            environment: self.environment.clone(),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RaiseEpochArgs {
    /// The new epoch; by default one more than it is. Where the one before is known only from a
    /// fence, it is that fence divided by 2^47
    #[arg(long, value_name = "EPOCH")]
    pub(crate) to: Option<u16>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ScaleArgs {
    /// The job
    pub(crate) job: String,
    /// How many workers it is to have: `8`, or `+2` and `-1` from what it has
    #[arg(
        value_name = "WORKERS",
        allow_negative_numbers = true,
        value_parser = workers,
        required_unless_present = "reset",
        conflicts_with = "reset"
    )]
    pub(crate) workers: Option<Workers>,
    /// Return to what the configuration says
    #[arg(long)]
    pub(crate) reset: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct PauseArgs {
    /// The job
    pub(crate) job: String,
    /// For how long; without it, until `resume`
    #[arg(
        long = "for",
        value_name = "DURATION",
        allow_hyphen_values = true,
        value_parser = some_time
    )]
    pub(crate) time: Option<Duration>,
    /// Why, for whoever wonders
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct JobArgs {
    /// The job
    pub(crate) job: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SlotArgs {
    /// The job, or one worker of it: `ticker`, `ticker@3`
    #[arg(value_name = "JOB[@INDEX]")]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct NodeArgs {
    /// The node
    pub(crate) node: String,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DrainArgs {
    /// The node
    pub(crate) node: String,
    /// Return when the node has left
    #[arg(long)]
    pub(crate) wait: bool,
    /// How long to wait at most; then the exit code is 3
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10m",
        allow_hyphen_values = true,
        value_parser = duration::parse,
        requires = "wait"
    )]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// A job, or one worker of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) job: String,
    pub(crate) index: Option<u32>,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (job, index) = match text.split_once('@') {
            Some((job, index)) => (job, Some(whole(index)?)),
            None => (text, None),
        };
        if job.is_empty() {
            return Err("a job's name comes first: JOB or JOB@INDEX");
        }
        Ok(Self {
            job: job.to_owned(),
            index,
        })
    }
}

/// `parse` would take a sign too.
fn whole(text: &str) -> Result<u32, &'static str> {
    const WRONG: &str = "behind the @ stands a worker index: 0, 1, 2 and so on";
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WRONG);
    }
    text.parse().map_err(|_| WRONG)
}

fn some_time(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text).map_err(|error| error.to_string())?;
    if time.is_zero() {
        return Err("a pause of no time is none; `resume` ends one".to_owned());
    }
    Ok(time)
}

fn workers(text: &str) -> Result<Workers, &'static str> {
    const WRONG: &str = "it is a number of workers like 8, or a difference like +2 or -1";
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WRONG);
    }
    const TOO_MANY: &str = "that is more than a job can have";
    if digits == text {
        return text.parse().map(Workers::To).map_err(|_| TOO_MANY);
    }
    text.parse().map(Workers::By).map_err(|_| TOO_MANY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_workers_is_absolute_and_a_signed_one_a_difference() {
        assert_eq!(workers("8"), Ok(Workers::To(8)));
        assert_eq!(workers("0"), Ok(Workers::To(0)));
        assert_eq!(workers("+2"), Ok(Workers::By(2)));
        assert_eq!(workers("-1"), Ok(Workers::By(-1)));
        for wrong in ["", "+", "--1", "+-1", "1.5", "many", "5000000000", "-x"] {
            assert!(workers(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pause_takes_some_time() {
        assert_eq!(some_time("2h"), Ok(Duration::from_secs(7200)));
        for wrong in ["0s", "0ms", "-1s", "soon", ""] {
            assert!(some_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_target_is_a_job_or_one_of_its_workers() {
        let target = |text: &str| text.parse::<Target>().map(|it| (it.job, it.index));
        assert_eq!(target("ticker"), Ok(("ticker".into(), None)));
        assert_eq!(target("ticker@3"), Ok(("ticker".into(), Some(3))));
        for wrong in [
            "",
            "@3",
            "ticker@",
            "ticker@x",
            "ticker@-1",
            "ticker@+1",
            "a@1@2",
        ] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
