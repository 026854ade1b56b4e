//! The guardian serves the embedded etcd, so that no worker process takes it down with it: what the user's
//! code does to that one disturbs neither other nodes nor the next worker process.
//!
//! # How it fails
//!
//! What keeps it from serving is left for the worker process to find and to say: it opens the same store,
//! under the same rules, and its exit code is that of `run`.

use process_runner::supervision::Hosting;

use super::Guardian;
use crate::configuration;

impl Guardian<'_> {
    /// Serves the etcd that the configuration embeds, or stands by to do so. The file is read each time,
    /// as by the worker process that is about to start.
    pub(super) async fn serve_etcd(&mut self) {
        let arguments = &self.arguments.config;
        let file = arguments.config.as_deref();
        let Ok(loaded) = configuration::read(file, arguments.environment.as_deref(), None) else {
            return;
        };
        let coordination = loaded.config.coordination;
        let serves = |hosting: &Hosting| hosting.serves(&coordination);
        if self.hosting.as_ref().is_some_and(serves) {
            return;
        }
        self.stop_serving().await;
        match Hosting::begin(&coordination).await {
            Ok(hosting) => self.hosting = hosting,
            Err(error) => tracing::debug!(%error, "the embedded etcd is not served here"),
        }
    }

    /// Leaves the embedded etcd to somebody else, if this process serves it.
    pub(super) async fn stop_serving(&mut self) {
        if let Some(hosting) = self.hosting.take() {
            hosting.end().await;
        }
    }
}
