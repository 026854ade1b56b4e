use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
fn queue() {}

fn main() {}
