#[process_runner::state(crate)]
unsafe fn pool<T>(_value: T) {}

fn main() {}
