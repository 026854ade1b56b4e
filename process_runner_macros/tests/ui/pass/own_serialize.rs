//! The user's own derive of serde keeps its attributes, and the options have them too.
#![deny(warnings)]

use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
#[derive(serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Queue {
    /// How many.
    #[job(default = 5)]
    #[serde(skip_serializing_if = "is_five")]
    pub batch_size: u32,
    pub other_size: u32,
}

fn is_five(value: &u32) -> bool {
    *value == 5
}

impl Job for Queue {
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

fn main() {
    let queue = Queue { batch_size: 5, other_size: 6 };
    assert_eq!(serde_json::to_string(&queue).unwrap(), r#"{"other-size":6}"#);
    let registry = App::new().into_registry().ok().expect("there is one class");
    let class = registry.class("Queue").expect("the class is registered");
    assert!(class.check_options(&serde_json::json!({ "other-size": 1 })).is_ok());
}
