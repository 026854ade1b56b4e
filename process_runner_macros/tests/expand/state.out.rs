/// Connects.
#[cfg(feature = "postgres")]
async fn pool() -> Result<PgPool, sqlx::Error> {
    PgPool::connect("postgres://").await
}
#[cfg(feature = "postgres")]
const _: () = {
    ::process_runner::__private::inventory::submit! {
        ::process_runner::__private::StateEntry::new(||
        ::process_runner::__private::constructor:: < Result < PgPool, sqlx::Error >, _, _
        > (::process_runner::__private::Place { file : ::core::file!(), line :
        ::core::line!(), }, pool,))
    }
};
fn broken() {}
::core::compile_error! {
    "a state constructor is an `async fn`: it may connect, and a command like `validate` must not"
}
::core::compile_error! {
    "a state constructor returns a `Result`, so that a node whose state cannot be built says why and does not start"
}
