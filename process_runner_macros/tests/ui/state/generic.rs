#[process_runner::state]
async fn pool<T: Default>() -> Result<T, std::fmt::Error> {
    Ok(T::default())
}

fn main() {}
