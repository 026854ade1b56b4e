//! Runs that end by themselves.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::bench::{Bench, both, log, start_log};
use crate::job::RetryAdvice;

#[tokio::test]
async fn the_program_finds_its_worker_in_the_environment() {
    for programs in both() {
        let script = r#"echo $PR_JOB $PR_WORKER_INDEX $PR_WORKERS $PR_FENCE $PR_NODE $PR_INCARNATION $A $1 > out; pwd >> out"#;
        let options = json!({
            "command": ["sh", "-c", script, "sh", "an argument"],
            "env": {"A": "b c", "PR_JOB": "mine"},
        });
        let mut bench = Bench::new(&programs, options);
        bench.iterate().await.unwrap();
        let directory = bench.dir.path().canonicalize().unwrap();
        let expected = format!(
            "ticker 2 4 77 node-a abc b c an argument\n{}\n",
            directory.display()
        );
        assert_eq!(bench.read("out"), expected);
    }
}

#[tokio::test]
async fn the_program_leads_a_group_of_its_own_and_reads_nothing() {
    for programs in both() {
        let script = "cat > in; ps -o pid=,pgid= -p $$ > ids 2>/dev/null || \
                      awk '{print $1, $5}' /proc/$$/stat > ids";
        let mut bench = Bench::script(&programs, script);
        bench.iterate().await.unwrap();
        let ids = bench.read("ids");
        let ids: Vec<_> = ids.split_whitespace().collect();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(bench.read("in"), "");
    }
}

#[tokio::test]
async fn status_75_is_nothing_to_do_and_no_error() {
    for programs in both() {
        let found_nothing =
            |bench: &Bench| bench.cx.holding().found_nothing.load(Ordering::Relaxed);
        let mut bench = Bench::script(&programs, "exit 75");
        bench.iterate().await.unwrap();
        assert!(found_nothing(&bench));
        let mut bench = Bench::script(&programs, "exit 0");
        bench.iterate().await.unwrap();
        assert!(!found_nothing(&bench));
    }
}

#[tokio::test]
async fn another_status_is_an_error_with_the_last_of_stderr() {
    for programs in both() {
        let script = "seq 1 50 >&2; printf 'the last \\377 word' >&2; exit 3";
        let mut bench = Bench::script(&programs, script);
        let error = bench.iterate().await.unwrap_err();
        assert_eq!(error.advice(), RetryAdvice::DoNotRetry);
        let text = error.to_string();
        assert!(
            text.starts_with("`sh` exited with status 3; the last of its stderr:\n"),
            "{text}"
        );
        assert!(text.ends_with("  50\n  the last \u{fffd} word"), "{text}");
        assert!(!text.contains("\n  41\n"), "{text}");
    }
}

#[tokio::test]
async fn a_signal_is_an_error() {
    for programs in both() {
        let mut bench = Bench::script(&programs, "kill -SEGV $$");
        let text = bench.iterate().await.unwrap_err().to_string();
        assert_eq!(
            text,
            "`sh` was killed by signal 11 and wrote nothing to stderr"
        );
    }
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_an_error_that_names_it() {
    for programs in both() {
        let mut bench = Bench::new(&programs, json!({"command": ["./no-such-program"]}));
        let text = bench.iterate().await.unwrap_err().to_string();
        assert!(
            text.contains("cannot start `./no-such-program`: No such file"),
            "{text}"
        );
        let mut bench = Bench::new(&programs, json!({"command": ["true"], "cwd": "/no/such"}));
        let text = bench.iterate().await.unwrap_err().to_string();
        assert!(
            text.contains("`cwd` is /no/such, and there is no such directory"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_stays_in_the_background_dies_with_the_run() {
    for programs in both() {
        let script = "trap '' TERM HUP; sleep 1000 & (sleep 1000 & sleep 1000 &) ; exit 0";
        let mut bench = Bench::script(&programs, script);
        bench.iterate().await.unwrap();
        bench.assert_nothing_left();
    }
}

#[tokio::test]
async fn a_daemon_dies_with_the_run_when_there_is_a_shim() {
    let [_, programs] = both();
    let script = "mkfifo up; \
                  setsid sh -c 'setsid sleep 1000 & setsid sleep 1000 & echo > up; wait' & \
                  read line < up; exit 0";
    let mut bench = Bench::script(&programs, script);
    bench.iterate().await.unwrap();
    // No time is given: unlocking waited for it.
    assert_eq!(bench.alive(), Vec::<String>::new());
}

#[tokio::test]
async fn output_goes_to_the_log_with_job_and_index() {
    for programs in both() {
        start_log();
        let script = "echo hello; printf '\\377\\n' ; echo oh >&2; printf 'no end'";
        Bench::script(&programs, script).iterate().await.unwrap();
        let log = String::from_utf8(log()).unwrap();
        for part in [
            "hello",
            "\u{fffd}",
            "no end",
            "job=ticker index=2 stream=\"stdout\"",
        ] {
            assert!(log.contains(part), "{part}: {log}");
        }
        assert!(
            log.contains("oh job=ticker index=2 stream=\"stderr\""),
            "{log}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_output_comes_through_whole() {
    for programs in both() {
        start_log();
        let script = "head -c 5000000 /dev/zero | tr '\\0' x; echo; yes line | head -n 30000 >&2";
        Bench::script(&programs, script).iterate().await.unwrap();
        let log = log();
        let xs = log.iter().filter(|byte| **byte == b'x').count();
        let lines = log.windows(6).filter(|part| *part == b" line ").count();
        assert!(xs >= 5_000_000, "{xs}");
        assert_eq!(lines, 30_000);
    }
}
