struct Connection;

#[process_runner::state]
async fn pool() -> Result<Connection, std::fmt::Error> {
    Ok(Connection)
}

fn main() {}
