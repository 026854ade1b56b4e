use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
struct Queue<'a> {
    name: &'a str,
}

fn main() {}
