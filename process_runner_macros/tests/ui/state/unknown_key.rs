#[process_runner::state(crat = "runner", name = "pool")]
async fn pool() -> Result<String, std::fmt::Error> {
    Ok(String::new())
}

fn main() {}
