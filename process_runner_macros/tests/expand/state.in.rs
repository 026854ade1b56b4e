/// Connects.
#[process_runner::state]
#[cfg(feature = "postgres")]
async fn pool() -> Result<PgPool, sqlx::Error> {
    PgPool::connect("postgres://").await
}

#[process_runner::state]
fn broken() {}
