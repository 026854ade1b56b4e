/// Options with names of their own.
#[job]
#[cfg(unix)]
#[derive(Debug)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "Import")]
struct Import {
    #[serde(with = "seconds")]
    #[schemars(with = "u64")]
    #[job(default = Duration::from_secs(5))]
    patience: Duration,
    #[serde(rename = "from")]
    #[schemars(range(max = 10))]
    r#type: u8,
    #[cfg(feature = "metrics")]
    #[job(state)]
    metrics: Metrics,
    #[cfg(feature = "metrics")]
    #[job(default = "import")]
    prefix: String,
    #[allow(dead_code)]
    #[job(skip = Self::START)]
    position: u64,
}
