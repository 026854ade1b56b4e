//! `cargo xtask sim`: whole clusters in a simulation, as many seeds as one likes, on all cores.
//!
//! A seed says everything: the cluster, what is done to it, and what is drawn at random while it
//! runs. A seed that fails is printed with what is wrong, the file that tells its story, and the
//! command that runs it again. So is one that does not come to an end, or that does not repeat
//! itself: each 50th is run twice to see that.

use crate::error::Result;
use crate::{tools, workspace};

/// Which seeds.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Seeds {
    /// How many
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run each of them twice, and see that it repeats itself
    #[arg(long)]
    twice: bool,
    /// Run this one alone, twice, and write down what happens
    #[arg(long, conflicts_with_all = ["seeds", "from", "twice"])]
    seed: Option<u64>,
    /// With `--seed`: run it once, and print what is logged, such as `debug`
    #[arg(long, value_name = "FILTER", requires = "seed")]
    log: Option<String>,
}

/// Builds the simulation with optimisations and runs it.
pub(crate) fn run(seeds: Seeds) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--package", "process_runner"]);
    cargo.args(["--bench", "simulation", "--"]);
    match seeds.seed {
        Some(seed) => cargo.args(["--seed".to_owned(), seed.to_string()]),
        None => cargo.args([
            "--seeds".to_owned(),
            seeds.seeds.to_string(),
            "--from".to_owned(),
            seeds.from.to_string(),
        ]),
    };
    if let Some(filter) = &seeds.log {
        cargo.env("PR_SIMULATION_LOG", filter);
    }
    if seeds.twice {
        cargo.arg("--twice");
    }
    workspace::run(cargo.envs(tools::for_build()?))
}
