use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
enum Queue {
    #[job(default)]
    First,
}

fn main() {}
