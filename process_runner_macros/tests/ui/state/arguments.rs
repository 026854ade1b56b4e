#[process_runner::state]
async fn pool(url: String, _size: u32) -> Result<String, std::fmt::Error> {
    Ok(url)
}

fn main() {}
