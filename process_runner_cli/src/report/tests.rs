//! The four formats over one file with an error, a pair of places, a warning and a secret.

use process_runner::config::{Problems, Request, load};
use serde_json::Value;

use super::{Format, render};

const FILE: &str = "\
etcd: { endpoints: [\"http://a:1\"], lease_ttl: 6s, username: u, password: hunter2, prefx: /x }
jobs:
  mail: { class: Mailer, wrokers: 4 }
  mail: { class: Mailer }
";

fn problems_of(text: &str, name: &str) -> Problems {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yml");
    std::fs::write(&path, text).unwrap();
    let request = Request {
        path: Some(&path),
        environment: None,
        env: &|_| None,
        classes: None,
    };
    let mut problems = load(&request).unwrap_err();
    problems.path = name.into();
    problems
}

fn problems() -> Problems {
    problems_of(FILE, "conf ig,1.yml")
}

#[test]
fn people_see_lines_labels_and_help() {
    let text = render(&problems(), Format::Human, false);
    let expected = "\
warning[PR0301]: `lease_ttl` is short
 --> conf ig,1.yml:1:47
  |
1 | etcd: { endpoints: [\"http://a:1\"], lease_ttl: 6s, username: u, password: *******, prefx: /x }
  |                                               ^^
  |
  = note: below 8s a slow disk or an election in etcd can cost a node its slots

error[PR0103]: unknown key `prefx` in `etcd`
 --> conf ig,1.yml:1:83
  |
1 | etcd: { endpoints: [\"http://a:1\"], lease_ttl: 6s, username: u, password: *******, prefx: /x }
  |                                                                                   ^^^^^ did you mean `prefix`?
  |
  = note: keys: endpoints, embedded, prefix, lease_ttl, data_dir, username, password, ca, cert, key

error[PR0103]: unknown key `wrokers` in job `mail`
 --> conf ig,1.yml:3:26
  |
3 |   mail: { class: Mailer, wrokers: 4 }
  |                          ^^^^^^^ did you mean `workers`?
  |
  = note: keys: class, workers, max_per_node, labels, interval, idle, record_timeout, stuck_after, prepare_ahead, lock_delay, retry, options

error[PR0110]: the key `mail` is given twice
 --> conf ig,1.yml:4:3
  |
3 |   mail: { class: Mailer, wrokers: 4 }
  |   ---- first given here
4 |   mail: { class: Mailer }
  |   ^^^^ given again here
";
    assert_eq!(text, expected);
}

#[test]
fn colour_is_only_there_if_asked_for() {
    assert!(render(&problems(), Format::Human, true).contains("\u{1b}["));
    assert!(!render(&problems(), Format::Human, false).contains('\u{1b}'));
}

#[test]
fn no_format_shows_a_secret() {
    for format in [Format::Human, Format::Json, Format::Github, Format::Sarif] {
        assert!(
            !render(&problems(), format, false).contains("hunter2"),
            "{format:?}"
        );
    }
}

#[test]
fn scripts_get_one_document() {
    let document: Value = serde_json::from_str(&render(&problems(), Format::Json, false)).unwrap();
    assert_eq!(document["v"], 1);
    let list = document["problems"].as_array().unwrap();
    let codes: Vec<&str> = list
        .iter()
        .map(|row| row["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["PR0301", "PR0103", "PR0103", "PR0110"]);
    assert_eq!(list[0]["severity"], "warning");
    assert_eq!(
        (&list[3]["line"], &list[3]["column"]),
        (&4.into(), &3.into())
    );
    assert_eq!(list[3]["related"][0]["line"], 3);
    let span = &list[3]["span"];
    let range =
        span["start_byte"].as_u64().unwrap() as usize..span["end_byte"].as_u64().unwrap() as usize;
    assert_eq!(&FILE[range], "mail");
}

#[test]
fn github_gets_commands_with_their_signs_escaped() {
    let text = render(&problems(), Format::Github, false);
    let last = text.lines().last().unwrap();
    assert_eq!(
        last,
        "::error file=conf ig%2C1.yml,line=4,endLine=4,col=3,endColumn=7,title=PR0110::\
         the key `mail` is given twice%0Agiven again here"
    );
    assert!(text.starts_with("::warning file="));
}

#[test]
fn sarif_names_a_rule_for_every_result() {
    let document: Value = serde_json::from_str(&render(&problems(), Format::Sarif, false)).unwrap();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
        assert!(result["message"]["text"].is_string());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "conf%20ig%2C1.yml");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
    }
}

#[test]
fn a_file_without_lines_is_not_printed_whole() {
    let keys: Vec<String> = (0..20_000).map(|key| format!("k{key}: 1")).collect();
    let problems = problems_of(&format!("{{ {} }}", keys.join(", ")), "c.yml");
    let text = render(&problems, Format::Human, false);
    assert!(text.len() < 100_000, "{} bytes", text.len());
    assert!(text.contains("c.yml:1:3"));
    assert!(text.ends_with("more problems are not shown\n"));
}

#[test]
fn problems_without_a_place_name_the_file() {
    let text = render(&problems_of("", "c.yml"), Format::Human, false);
    assert!(text.contains("c.yml:1:1"), "{text}");
    let request = Request {
        path: Some(std::path::Path::new("no/such.yml")),
        environment: None,
        env: &|_| None,
        classes: None,
    };
    let missing = load(&request).unwrap_err();
    for format in [Format::Human, Format::Json, Format::Github, Format::Sarif] {
        assert!(
            render(&missing, format, false).contains("no/such.yml"),
            "{format:?}"
        );
    }
}

#[test]
fn formats_are_typed_by_name() {
    for name in Format::NAMES {
        assert!(name.parse::<Format>().is_ok());
    }
    assert!("xml".parse::<Format>().unwrap_err().contains("sarif"));
}
