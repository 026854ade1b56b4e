#[process_runner::state]
async fn pool() {}

fn main() {}
