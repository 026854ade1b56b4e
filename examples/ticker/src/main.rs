//! A job without any Rust: the built-in class `Command` runs the program that `config.yml` names.
//!
//! The installed `pr-cli` can do the same without this package:
//!
//! ```text
//! pr-cli run examples/ticker/config.yml
//! ```

fn main() -> std::process::ExitCode {
    process_runner_cli::main(process_runner::App::new())
}
