#[process_runner::state]
fn pool() -> Result<String, std::fmt::Error> {
    Ok(String::new())
}

fn main() {}
