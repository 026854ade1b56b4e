//! `schema`: the JSON Schema of the configuration file, with the options of every class.

use process_runner::{Registry, config};

use crate::args::SchemaArgs;
use crate::exit::{Exit, Failure};
use crate::{Role, launcher, output};

pub(super) fn run(
    arguments: &SchemaArgs,
    registry: &Registry,
    role: Role,
) -> Result<Exit, Failure> {
    if role == Role::Stock {
        launcher::become_app_around(&arguments.app, arguments.config.as_deref())?;
    }
    output::json(&config::schema(Some(registry)))?;
    Ok(Exit::Clean)
}
