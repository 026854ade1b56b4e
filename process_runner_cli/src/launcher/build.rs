//! Building the app with cargo. Its progress is shown; where the executable is comes from cargo.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use super::cargo;
use super::target::Target;
use crate::exit::{Exit, Failure};

/// One line of `--message-format=json`; of the kinds there are, only artifacts matter.
#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Built>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Built {
    name: String,
}

/// Builds the target and says where its executable is.
pub(super) fn build(target: &Target, release: bool) -> Result<PathBuf, Failure> {
    let mut cargo = command(target, release)
        .spawn()
        .map_err(|error| cargo::not_started(&error))?;
    let executable = executable(&mut cargo, &target.binary);
    match cargo.wait() {
        Ok(status) if status.success() => executable.ok_or_else(|| {
            let message = format!("cargo built no binary `{}`", target.binary);
            Failure::new(Exit::Internal, message)
        }),
        _ => Err(failed(target)),
    }
}

fn command(target: &Target, release: bool) -> Command {
    let profile = std::env::var("PR_PROFILE").ok().filter(|p| !p.is_empty());
    let profile = match (release, profile) {
        (true, _) => "release".to_owned(),
        (false, Some(profile)) => profile,
        (false, None) => "dev".to_owned(),
    };
    let mut command = Command::new(cargo::program());
    command
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(["--profile", &profile])
        .args(["--package", &target.package, "--bin", &target.binary])
        .arg("--manifest-path")
        .arg(&target.manifest)
        .arg("--target-dir")
        .arg(&target.target_directory)
        .current_dir(&target.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// Reads all that cargo says, so that it never waits for us.
fn executable(cargo: &mut Child, binary: &str) -> Option<PathBuf> {
    let lines = BufReader::new(cargo.stdout.take()?).lines();
    let messages = lines
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Message>(&line).ok());
    messages
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.target.as_ref().is_some_and(|t| t.name == binary))
        .filter_map(|message| message.executable)
        .last()
}

fn failed(target: &Target) -> Failure {
    let message = format!("cargo could not build the package `{}`", target.package);
    let failure = Failure::new(Exit::Failure, message);
    if protoc_is_missing() {
        failure.help(
            "`protoc` is not installed, which building etcd-client needs; on Debian and Ubuntu:\n\
             apt-get install protobuf-compiler (or set PROTOC to the program)",
        )
    } else {
        failure
            .help("cargo's own messages are above; --app PATH runs an executable without building")
    }
}

fn protoc_is_missing() -> bool {
    if std::env::var_os("PROTOC").is_some() {
        return false;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    !std::env::split_paths(&path).any(|directory| directory.join("protoc").is_file())
}
