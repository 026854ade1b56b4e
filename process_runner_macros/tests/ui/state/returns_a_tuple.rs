#[process_runner::state]
async fn pool() -> (String, u32) {
    (String::new(), 1)
}

fn main() {}
