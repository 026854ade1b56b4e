use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
struct Queue<T, const N: usize> {
    batch: [T; N],
}

fn main() {}
