use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
struct Queue;

fn main() {}
