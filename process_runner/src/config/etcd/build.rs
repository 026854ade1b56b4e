//! From the section `etcd` to a [`Coordination`]: one of two ways, each with its own keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    Coordination, DEFAULT_LEASE_TTL, DEFAULT_PREFIX, EmbeddedConfig, EtcdConfig, TlsConfig,
};
use crate::config::problem::Problem;
use crate::config::raw::RawEtcd;
use crate::config::read::{At, Section, Text};
use crate::config::secret::Secret;
use crate::config::validate;

/// A lease shorter than this is lost to a moment of trouble.
const SHORT_LEASE_TTL: Duration = Duration::from_secs(8);

/// Makes the coordination of what the file says. `directory` is that of the file.
pub(in crate::config) fn build(
    raw: Option<At<RawEtcd>>,
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> Coordination {
    let Some(At { value: raw, place }) = raw else {
        return Coordination::default();
    };
    let prefix = prefix(raw.prefix.as_ref(), problems);
    let lease_ttl = lease_ttl(&raw, problems);
    let embedded = raw.embedded.as_ref().is_some_and(|flag| flag.value.0);
    let has_endpoints = RawEtcd::mentions(&raw.keys, "endpoints");
    if embedded {
        only_embedded(&raw, problems);
        let data_dir = path(raw.data_dir, directory);
        return Coordination::Embedded(EmbeddedConfig {
            prefix,
            lease_ttl,
            data_dir,
        });
    }
    let broken = raw.embedded.is_none() && RawEtcd::mentions(&raw.keys, "embedded");
    if !has_endpoints && !broken {
        let problem = place.problem(
            "PR0113",
            "`etcd` says neither where the cluster is nor that it is embedded",
        );
        problems.push(problem.help(
            "add `endpoints: [\"http://127.0.0.1:2379\"]` for a cluster, or `embedded: true` for this machine alone",
        ));
    }
    if let (Some(data_dir), true) = (&raw.data_dir, has_endpoints) {
        let problem = data_dir
            .place
            .problem("PR0116", "`data_dir` is for the embedded etcd alone");
        problems.push(problem.help("remove it, or the `endpoints`"));
    }
    let endpoints = endpoints(&raw, problems);
    let tls = tls(&raw, directory, problems);
    credentials(&raw, problems);
    let filled = |text: Option<At<Text>>| {
        text.map(|text| text.value.0)
            .filter(|text| !text.is_empty())
    };
    Coordination::Etcd(EtcdConfig {
        endpoints,
        prefix,
        lease_ttl,
        username: filled(raw.username),
        password: filled(raw.password).map(Secret::new),
        tls,
    })
}

/// Nothing that belongs to a cluster stands beside `embedded: true`.
fn only_embedded(raw: &RawEtcd, problems: &mut Vec<Problem>) {
    let embedded = raw.keys.iter().find(|key| key.text == "embedded");
    for name in ["endpoints", "username", "password", "ca", "cert", "key"] {
        if let Some(key) = raw.keys.iter().find(|key| key.text == name) {
            let message = format!("`{name}` and the embedded etcd exclude each other");
            let problem = Problem::at("PR0116", key.span, message);
            let problem = match embedded {
                Some(embedded) => problem.also(embedded.span, "embedded here"),
                None => problem,
            };
            problems.push(problem.help(format!("remove `{name}`, or `embedded`")));
        }
    }
}

fn prefix(raw: Option<&At<Text>>, problems: &mut Vec<Problem>) -> String {
    let Some(At {
        value: Text(prefix),
        place,
    }) = raw
    else {
        return DEFAULT_PREFIX.to_owned();
    };
    let fits = prefix.len() <= 200
        && prefix
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(validate::is_name));
    if !fits {
        let problem = place.problem("PR0122", "`prefix` is not a key prefix");
        let problem = problem.label(
            place.span,
            "names after slashes, such as `/process_runner/mail`",
        );
        problems.push(problem.note(format!("a name is {}", validate::NAME_RULE)));
    }
    prefix.clone()
}

fn lease_ttl(raw: &RawEtcd, problems: &mut Vec<Problem>) -> Duration {
    let Some(ttl) = &raw.lease_ttl else {
        return DEFAULT_LEASE_TTL;
    };
    let value = ttl.value.0;
    if value.subsec_millis() != 0 {
        let problem = ttl
            .place
            .problem("PR0112", "`lease_ttl` must be whole seconds");
        problems.push(problem.note("etcd counts the life of a lease in seconds"));
    } else if value < SHORT_LEASE_TTL {
        let problem = ttl.place.problem("PR0301", "`lease_ttl` is short");
        let note = "below 8s a slow disk or an election in etcd can cost a node its slots";
        problems.push(problem.warning().note(note));
    }
    value
}

fn endpoints(raw: &RawEtcd, problems: &mut Vec<Problem>) -> Vec<String> {
    let Some(list) = &raw.endpoints else {
        return Vec::new();
    };
    if list.value.written == 0 {
        problems.push(
            list.place
                .problem("PR0121", "`endpoints` is empty")
                .help("name at least one"),
        );
    }
    for At {
        value: Text(endpoint),
        place,
    } in &list.value.items
    {
        if let Err(reason) = endpoint_reason(endpoint) {
            let problem = place.problem("PR0121", "this is not the address of an etcd member");
            let problem = problem.label(place.span, reason);
            problems.push(problem.help("write `http://host:2379` or `https://host:2379`"));
        }
    }
    list.value
        .items
        .iter()
        .map(|endpoint| endpoint.value.0.clone())
        .collect()
}

fn endpoint_reason(endpoint: &str) -> Result<(), &'static str> {
    let uri: http::Uri = endpoint.parse().map_err(|_| "it is not a URL")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("it must begin with http:// or https://");
    }
    let authority = uri.authority().ok_or("it has no host")?;
    if authority.as_str().contains('@') {
        return Err("user and password go into `username` and `password`");
    }
    if authority.host().is_empty() {
        return Err("it has no host");
    }
    if authority.port_u16().is_none_or(|port| port == 0) {
        return Err("it has no port");
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err("it ends after the port");
    }
    Ok(())
}

fn tls(raw: &RawEtcd, directory: &Path, problems: &mut Vec<Problem>) -> Option<TlsConfig> {
    for (one, other, name, missing) in [
        (&raw.cert, &raw.key, "cert", "key"),
        (&raw.key, &raw.cert, "key", "cert"),
    ] {
        if let (Some(one), None) = (one, other)
            && !RawEtcd::mentions(&raw.keys, missing)
        {
            let message = format!("`{name}` needs `{missing}` beside it");
            problems.push(one.place.problem("PR0113", message));
        }
    }
    unused_tls(raw, problems);
    let ca = path(raw.ca.clone(), directory);
    let client = path(raw.cert.clone(), directory).zip(path(raw.key.clone(), directory));
    (ca.is_some() || client.is_some()).then_some(TlsConfig { ca, client })
}

/// Certificates are no use if every endpoint speaks plain http.
fn unused_tls(raw: &RawEtcd, problems: &mut Vec<Problem>) {
    let Some(list) = &raw.endpoints else { return };
    let plain = |at: &At<Text>| at.value.0.starts_with("http://");
    if list.value.items.is_empty() || !list.value.items.iter().all(plain) {
        return;
    }
    for (name, file) in [("ca", &raw.ca), ("cert", &raw.cert)] {
        if let Some(file) = file {
            let message = format!("`{name}` is not used: no endpoint is https");
            let problem = file.place.problem("PR0303", message).warning();
            problems.push(problem.help("write the endpoints with https://"));
        }
    }
}

fn credentials(raw: &RawEtcd, problems: &mut Vec<Problem>) {
    for (one, other, name, missing) in [
        (&raw.username, &raw.password, "username", "password"),
        (&raw.password, &raw.username, "password", "username"),
    ] {
        if let (Some(one), None) = (one, other)
            && !RawEtcd::mentions(&raw.keys, missing)
        {
            let message = format!("`{name}` needs `{missing}` beside it");
            problems.push(one.place.problem("PR0113", message));
        }
    }
}

/// The path as seen from the directory of the file.
fn path(raw: Option<At<Text>>, directory: &Path) -> Option<PathBuf> {
    let text = raw
        .map(|text| text.value.0)
        .filter(|text| !text.is_empty())?;
    Some(directory.join(text))
}
