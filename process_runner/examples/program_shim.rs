//! An executable that is nothing but the shim of the class `Command`. Tests start programs under it.

use std::process::ExitCode;

fn main() -> ExitCode {
    process_runner::command::shim::main().unwrap_or(ExitCode::FAILURE)
}
