//! `pr-cli`: the commands without any job classes of its own. It finds the user's and becomes them.

use std::process::ExitCode;

fn main() -> ExitCode {
    process_runner_cli::stock_main()
}
