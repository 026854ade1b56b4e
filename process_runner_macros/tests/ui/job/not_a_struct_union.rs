use process_runner::prelude::*;

#[job(lock_driver = "etcd")]
union Queue {
    #[job(default)]
    small: u8,
    big: u32,
}

fn main() {}
