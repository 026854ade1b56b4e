/// Drains a queue.
#[job(lock_driver = "etcd")]
pub struct ProcessQueue {
    /// How many records one iteration locks.
    #[job(default = 1000)]
    batch_size: u32,
    #[job(default)]
    tags: Vec<String>,
    limit: Option<u32>,
    #[job(state)]
    db: PgPool,
    #[job(skip)]
    seen: HashSet<u64>,
}
