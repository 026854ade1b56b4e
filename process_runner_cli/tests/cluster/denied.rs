//! An etcd that does not let this node in: one clear sentence at once, the right exit code, no
//! secret.

use std::path::Path;
use std::time::{Duration, Instant};

use tests::certificates::{Authority, Certificate};
use tests::etcd::{Etcd, EtcdOptions, VERSIONS};

use crate::node::Place;

const PASSWORD: &str = "hunter2-of-the-test";
const WRONG: &str = "wrong-2-of-the-test";

/// What `run` and `status` say with this section `etcd`: one sentence with all of `parts` in it.
fn is_told(section: &str, parts: &[&str]) {
    let place = Place::new(&format!("{{ lease_ttl: 5s, {section} }}"), 1);
    for words in [
        &["run", "config.yml", "--wait", "30s"][..],
        &["status", "-c", "config.yml"],
    ] {
        let began = Instant::now();
        let output = place.output(words);
        let took = began.elapsed();
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8(all).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {all}");
        let told: Vec<_> = all.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!(told.len(), 1, "{words:?}: {all}");
        for part in parts {
            assert!(told[0].contains(part), "no `{part}` in `{}`", told[0]);
        }
        for secret in [PASSWORD, WRONG, "PRIVATE KEY", "BEGIN"] {
            assert!(!all.contains(secret), "{words:?}: {all}");
        }
        // It cannot be mended by waiting, so nobody waits.
        assert!(took < Duration::from_secs(10), "{words:?}: {took:?}");
        assert!(!all.contains("still trying"), "{words:?}: {all}");
    }
}

fn at(endpoint: &str, more: &str) -> String {
    format!("endpoints: [{endpoint:?}], prefix: /test {more}")
}

fn files(ca: &Path, own: &Certificate) -> String {
    format!(", ca: {ca:?}, cert: {:?}, key: {:?}", own.cert, own.key)
}

#[test]
fn a_fault_of_tls_is_told_in_one_sentence() {
    for version in VERSIONS {
        let (authority, stranger) = (Authority::new().unwrap(), Authority::new().unwrap());
        let (ca, strange) = (authority.ca(), stranger.ca());
        let plain = Etcd::start(version).unwrap();
        let tls = EtcdOptions::new(version).tls(&authority).unwrap();
        let tls = tls.start().unwrap();

        let wrong_ca = format!(", ca: {strange:?}");
        let part = format!("not from the authority in {}", strange.display());
        is_told(&at(tls.endpoint(), &wrong_ca), &[&part, "by `ca`"]);
        is_told(&at(tls.endpoint(), ""), &["this machine trusts", "by `ca`"]);
        let http = tls.endpoint().replace("https://", "http://");
        is_told(&at(&http, ""), &["it speaks TLS", "with https://"]);
        let https = plain.endpoint().replace("http://", "https://");
        is_told(
            &at(&https, &format!(", ca: {ca:?}")),
            &["plain text", "with http://"],
        );
        is_told(
            &at(tls.endpoint(), ", ca: /nowhere/ca.pem"),
            &["/nowhere/ca.pem"],
        );
    }
}

#[test]
fn a_fault_of_our_certificate_is_told_in_one_sentence() {
    for version in VERSIONS {
        let (authority, stranger) = (Authority::new().unwrap(), Authority::new().unwrap());
        let ca = authority.ca();
        let etcd = EtcdOptions::new(version).mutual_tls(&authority).unwrap();
        let etcd = etcd.start().unwrap();
        let told = |own: &Certificate, parts: &[&str]| {
            is_told(&at(etcd.endpoint(), &files(&ca, own)), parts);
        };

        let none = format!(", ca: {ca:?}");
        is_told(
            &at(etcd.endpoint(), &none),
            &["wants a certificate", "`cert` and `key`"],
        );
        let expired = authority.sign_expired("app").unwrap();
        told(
            &expired,
            &["app-expired.pem is out of date", "get a new one"],
        );
        let strange = stranger.sign("app").unwrap();
        told(
            &strange,
            &[
                "does not accept our certificate",
                "the authority that etcd trusts",
            ],
        );
        let good = authority.sign("app").unwrap();
        let mixed = Certificate {
            cert: good.cert.clone(),
            key: strange.key,
        };
        told(&mixed, &["the key does not fit"]);
        let swapped = Certificate {
            cert: good.cert.clone(),
            key: good.cert,
        };
        told(&swapped, &["holds no private key"]);
    }
}

#[tokio::test]
async fn a_user_that_is_refused_is_told_in_one_sentence() {
    for version in VERSIONS {
        let etcd = Etcd::start(version).unwrap();
        let user = |password: &str| format!(", username: app, password: {password}");
        let endpoint = etcd.endpoint();
        let too_much = ["authentication is not enabled", "remove `username`"];
        is_told(&at(endpoint, &user(PASSWORD)), &too_much);

        etcd.enable_users(("app", PASSWORD), "/test/")
            .await
            .unwrap();
        let wrong = [
            "invalid user ID or password",
            "check `username` and `password`",
        ];
        is_told(&at(endpoint, &user(WRONG)), &wrong);
        is_told(&at(endpoint, ""), &["user name is empty", "set `username`"]);
        let elsewhere = at(endpoint, &user(PASSWORD)).replace("/test", "/elsewhere");
        is_told(
            &elsewhere,
            &["permission denied", "etcdctl role grant-permission"],
        );
    }
}
