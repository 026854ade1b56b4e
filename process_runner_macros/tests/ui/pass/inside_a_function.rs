//! A struct inside a function, private to it, with every kind of lint on.
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms)]

use process_runner::prelude::*;

fn main() {
    #[job]
    #[derive(Debug)]
    struct Local {
        #[deprecated]
        #[job(default)]
        old: u32,
        r#type: Option<String>,
        #[cfg(any())]
        #[job(state)]
        pool: Nothing,
    }


    impl Job for Local {
        type Record = ();

        async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<()>> {
            Ok(Vec::new())
        }

        async fn process_record(&mut self, _: &WorkerContext, (): &()) -> JobResult<()> {
            Ok(())
        }

        async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> {
            Ok(())
        }
    }

    let app = App::new().job::<Local>();
    let registry = app.into_registry().ok().expect("no state is missing");
    assert!(registry.class("Local").is_some());
    let _ = |local: Local| (local.r#type, format!("{:?}", 1));
}
