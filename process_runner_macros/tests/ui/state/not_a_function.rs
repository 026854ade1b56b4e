#[process_runner::state]
struct Pool;

fn main() {}
