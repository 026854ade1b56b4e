//! Runs that are ended from outside.

use std::time::{Duration, Instant};

use serde_json::json;

use super::bench::{Bench, both, line};
use crate::command::Programs;
use crate::model::StopPhase;

/// Says that it is ready, and ignores TERM together with its child.
const STUBBORN: &str = "trap '' TERM; sleep 1000 & echo ready > fifo; wait; wait; sleep 1000";

fn stubborn(programs: &Programs, stop_timeout: &str) -> Bench {
    let options = json!({"command": ["sh", "-c", STUBBORN], "stop_timeout": stop_timeout});
    Bench::new(programs, options)
}

#[tokio::test]
async fn a_stop_sends_term_and_what_the_program_makes_of_it_is_no_error() {
    for programs in both() {
        let script =
            "trap 'echo bye > said; exit 0' TERM; echo ready > fifo; while :; do sleep 0.01; done";
        let mut bench = Bench::script(&programs, script);
        let mut fifo = bench.fifo("fifo");
        let holding = bench.cx.holding().clone();
        let stop = async {
            line(&mut fifo).await;
            holding.request_stop(StopPhase::Drain);
        };
        let (done, ()) = tokio::join!(bench.iterate(), stop);
        done.unwrap();
        assert_eq!(bench.read("said"), "bye\n");
    }
}

#[tokio::test]
async fn a_program_that_dies_of_term_was_interrupted() {
    for programs in both() {
        let mut bench = Bench::script(&programs, "echo ready > fifo; exec sleep 1000");
        let mut fifo = bench.fifo("fifo");
        let holding = bench.cx.holding().clone();
        let stop = async {
            line(&mut fifo).await;
            holding.request_stop(StopPhase::Drain);
        };
        let (done, ()) = tokio::join!(bench.iterate(), stop);
        assert!(done.unwrap_err().is_interrupted());
    }
}

#[tokio::test]
async fn a_program_that_ignores_term_is_killed_after_stop_timeout() {
    for programs in both() {
        let mut bench = stubborn(&programs, "200ms");
        let mut fifo = bench.fifo("fifo");
        let holding = bench.cx.holding().clone();
        let stop = async {
            line(&mut fifo).await;
            holding.request_stop(StopPhase::Drain);
            Instant::now()
        };
        let (done, stopped) = tokio::join!(bench.iterate(), stop);
        let took = stopped.elapsed();
        assert!(done.unwrap_err().is_interrupted());
        assert!(took >= Duration::from_millis(200), "{took:?}");
        assert!(took < Duration::from_secs(30), "{took:?}");
        bench.assert_nothing_left();
    }
}

#[tokio::test]
async fn nothing_runs_past_the_hard_deadline_whatever_stop_timeout_says() {
    for programs in both() {
        let mut bench = stubborn(&programs, "1h");
        let mut fifo = bench.fifo("fifo");
        let clock = bench.cx.holding().clock;
        let deadline = clock.now() + Duration::from_millis(1500);
        bench.validity.set(deadline, deadline);
        let (done, _) = tokio::join!(bench.iterate(), line(&mut fifo));
        assert!(clock.now() < deadline);
        assert!(done.unwrap_err().is_interrupted());
        bench.assert_nothing_left();
    }
}

#[tokio::test]
async fn a_shim_that_hangs_does_not_carry_the_program_past_the_deadline() {
    let [_, programs] = both();
    let mut bench = Bench::script(
        &programs,
        "trap '' TERM; echo $PPID > fifo; exec sleep 1000",
    );
    let mut fifo = bench.fifo("fifo");
    let clock = bench.cx.holding().clock;
    let deadline = clock.now() + Duration::from_secs(3);
    bench.validity.set(deadline, deadline);
    let hang = async {
        let shim = line(&mut fifo).await.parse().unwrap();
        let shim = rustix::process::Pid::from_raw(shim).unwrap();
        rustix::process::kill_process(shim, rustix::process::Signal::STOP).unwrap();
    };
    let (done, ()) = tokio::join!(bench.iterate(), hang);
    assert!(clock.now() < deadline);
    assert!(done.unwrap_err().is_interrupted());
    bench.assert_nothing_left();
}

#[tokio::test]
async fn a_renewal_moves_the_deadline_of_a_run_in_progress() {
    for programs in both() {
        let mut bench = Bench::script(&programs, "sleep 0.8; echo done > out");
        let clock = bench.cx.holding().clock;
        let validity = bench.validity.clone();
        let near = clock.now() + Duration::from_millis(700);
        validity.set(near, near);
        let renew = async {
            let later = clock.now() + Duration::from_secs(60);
            validity.set(later, later);
        };
        let (done, ()) = tokio::join!(bench.iterate(), renew);
        done.unwrap();
        assert_eq!(bench.read("out"), "done\n");
    }
}

#[tokio::test]
async fn a_dropped_run_is_killed_and_unlocking_waits_for_its_death() {
    for programs in both() {
        let mut bench = stubborn(&programs, "1h");
        let mut fifo = bench.fifo("fifo");
        tokio::select! {
            _ = bench.process() => panic!("it does not end by itself"),
            _ = line(&mut fifo) => {}
        }
        let unlocked = crate::job::Job::unlock_records(&mut bench.job, &bench.cx);
        unlocked.await.unwrap();
        bench.assert_nothing_left();
    }
}

#[tokio::test]
async fn a_dropped_worker_leaves_nothing_behind() {
    for programs in both() {
        let mut bench = stubborn(&programs, "1h");
        let mut fifo = bench.fifo("fifo");
        tokio::select! {
            _ = bench.process() => panic!("it does not end by itself"),
            _ = line(&mut fifo) => {}
        }
        bench.assert_nothing_left();
    }
}

#[tokio::test]
async fn a_run_dropped_at_its_first_await_leaves_nothing_behind() {
    for programs in both() {
        let mut bench = stubborn(&programs, "1h");
        let _fifo = bench.fifo("fifo");
        tokio::select! {
            biased;
            _ = bench.process() => panic!("it does not end by itself"),
            () = std::future::ready(()) => {}
        }
        bench.assert_nothing_left();
    }
}

#[tokio::test]
async fn a_stopped_program_can_be_stopped_too() {
    for programs in both() {
        let mut bench = Bench::script(&programs, "echo ready > fifo; kill -STOP $$; exit 0");
        let mut fifo = bench.fifo("fifo");
        let holding = bench.cx.holding().clone();
        let stop = async {
            line(&mut fifo).await;
            holding.request_stop(StopPhase::Drain);
        };
        let (done, ()) = tokio::join!(bench.iterate(), stop);
        let _ = done;
        bench.assert_nothing_left();
    }
}

#[tokio::test]
async fn a_hundred_at_once() {
    for programs in both() {
        let runs = (0..100).map(|n| {
            let mut bench = Bench::script(&programs, &format!("sleep 1000 & echo {n}; exit 0"));
            tokio::spawn(async move {
                bench.iterate().await.unwrap();
                bench
            })
        });
        for run in runs.collect::<Vec<_>>() {
            run.await.unwrap().assert_nothing_left();
        }
    }
}
