#[job(lock_driver = locks::AdvisoryLock, class = "guarded", crate = "runner")]
struct Guarded {
    #[job(default = "/var/spool")]
    directory: PathBuf,
}
