use process_runner::prelude::*;

struct Queue;

#[job(lock_driver = "etcd")]
impl Queue {}

fn main() {}
