//! The whole program: the commands of process_runner, with this job and its state in them.

use process_queue::store::Store;
use process_runner::App;

fn main() -> std::process::ExitCode {
    process_runner_cli::main(App::new().state(Store::from_env))
}
