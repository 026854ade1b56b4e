struct Pool;

impl Pool {
    #[process_runner::state]
    async fn pool(&self) -> Result<String, std::fmt::Error> {
        Ok(String::new())
    }
}

fn main() {}
