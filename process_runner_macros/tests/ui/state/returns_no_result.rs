#[process_runner::state]
async fn pool() -> String {
    String::new()
}

fn main() {}
