//! Which package of a workspace is the app: one that depends on `process_runner`.

use std::path::Path;

use super::cargo::{Metadata, Package};
use crate::exit::{Exit, Failure};

/// The packages of process_runner itself are nobody's app.
const OURS: [&str; 3] = [
    "process_runner",
    "process_runner_cli",
    "process_runner_macros",
];

/// What is around a configuration.
#[derive(Debug)]
pub(super) enum Found<'a> {
    App(&'a Package),
    Nothing { why: String },
}

/// The package called `name`, which somebody asked for.
pub(super) fn named<'a>(metadata: &'a Metadata, name: &str) -> Result<&'a Package, Failure> {
    let found = metadata.members().find(|package| package.name == name);
    let Some(package) = found else {
        let root = metadata.workspace_root.display();
        let message = format!("there is no package `{name}` in {root}");
        return Err(Failure::new(Exit::Failure, message).help(apps_help(metadata)));
    };
    if !is_app(metadata, package) {
        let message = format!(
            "the package `{name}` does not depend on process_runner, so it has no job classes"
        );
        return Err(Failure::new(Exit::Failure, message).help(apps_help(metadata)));
    }
    Ok(package)
}

/// The package whose manifest is `manifest`; if that is a mere workspace, its only app.
pub(super) fn around<'a>(metadata: &'a Metadata, manifest: &Path) -> Result<Found<'a>, Failure> {
    let same = |package: &&Package| same_file(&package.manifest_path, manifest);
    if let Some(package) = metadata.members().find(same) {
        return Ok(if is_app(metadata, package) {
            Found::App(package)
        } else {
            let name = &package.name;
            let why =
                format!("the package {name} around the file does not depend on process_runner");
            Found::Nothing { why }
        });
    }
    match apps(metadata)[..] {
        [] => Ok(Found::Nothing {
            why: "no package of the workspace around the file depends on process_runner".to_owned(),
        }),
        [package] => Ok(Found::App(package)),
        _ => Err(Failure::new(
            Exit::Failure,
            "several packages of the workspace around the file have job classes",
        )
        .help(apps_help(metadata))),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

fn is_app(metadata: &Metadata, package: &Package) -> bool {
    let dependencies = metadata.dependencies(package);
    !OURS.contains(&&*package.name) && dependencies.iter().any(|dep| dep.name == OURS[0])
}

fn apps(metadata: &Metadata) -> Vec<&Package> {
    let members = metadata.members();
    members
        .filter(|package| is_app(metadata, package))
        .collect()
}

fn apps_help(metadata: &Metadata) -> String {
    let apps = apps(metadata);
    let names: Vec<_> = apps.iter().map(|package| &*package.name).collect();
    match names[..] {
        [] => "add process_runner to the dependencies of the package with your jobs".to_owned(),
        [first, ..] => format!(
            "packages that depend on it: {}; name one in the configuration, like\n\
             `app: {{ package: {first} }}`",
            names.join(", ")
        ),
    }
}
