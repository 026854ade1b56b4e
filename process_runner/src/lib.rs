//! A runner for **long-running background jobs**.
//!
//! Annotate a plain struct with [`#[job]`](macro@job), implement one iteration ([`Job`]), name it
//! in YAML and start `pr-cli run config.yml` on any number of machines. The runner spreads the
//! worker indexes over them, and each index runs on exactly one node.

// Lets the expansion of `#[job]` name `::process_runner` in this crate too.
#[allow(unused_extern_crates)]
extern crate self as process_runner;

mod app;
mod class;
mod clock;
pub mod cluster;
#[doc(hidden)]
pub mod command;
pub mod config;
mod coordination;
pub mod embedded;
mod job;
pub mod lock;
pub mod model;
pub mod planning;
#[cfg(feature = "postgres")]
pub mod postgres;
mod runtime;
mod state;
mod validity;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use app::{App, AppError, AppErrors, Registry};
pub use class::{BuildError, ClassEntry, JobClass, OptionError};
pub use clock::Clock;
pub use coordination::{CoordinationError, RequestCount};
pub use job::{Job, JobError, JobResult, RetryAdvice, WorkerContext};
/// Makes a struct a job class: registered by its name, its fields turned into options, shared
/// state and working storage.
///
/// ```standalone_crate
/// use std::collections::HashSet;
///
/// use process_runner::prelude::*;
///
/// # #[derive(Clone)]
/// # struct Pool;
/// /// Drains the table `queue`.
/// #[job(lock_driver = "etcd")]
/// struct ProcessQueue {
///     /// How many records one iteration locks.
///     #[job(default = 1000)]
///     batch_size: u32,
///     #[job(state)]
///     db: Pool,
///     #[job(skip)]
///     seen: HashSet<u64>,
/// }
///
/// impl Job for ProcessQueue {
///     type Record = u64;
///
///     async fn lock_records(&mut self, _cx: &WorkerContext) -> JobResult<Vec<u64>> {
///         # let _ = &self.db;
///         Ok((0..u64::from(self.batch_size)).collect())
///     }
///
///     async fn process_record(&mut self, _cx: &WorkerContext, record: &u64) -> JobResult<()> {
///         self.seen.insert(*record);
///         Ok(())
///     }
///
///     async fn unlock_records(&mut self, _cx: &WorkerContext) -> JobResult<()> {
///         Ok(())
///     }
/// }
///
/// # let app = App::new().state(async || Ok::<_, std::io::Error>(Pool));
/// let registry = app.into_registry()?;
/// let class = registry.class("ProcessQueue").expect("it registers itself");
/// let schema = class.options_schema();
/// let batch_size = &schema["properties"]["batch_size"];
/// assert_eq!(batch_size["default"], 1000);
/// assert_eq!(batch_size["description"], "How many records one iteration locks.");
/// # Ok::<(), process_runner::AppErrors>(())
/// ```
///
/// # On the struct
///
/// | key | means |
/// |---|---|
/// | `lock_driver = "etcd"` | the slot's own claim in etcd guards the iteration; so it is without this key |
/// | `lock_driver = path::Type` | a value of this type, from the App, is locked on top; see [`lock`] |
/// | `class = "Name"` | the name behind `class:` in the configuration; by default the struct's |
/// | `crate = "name"` | the name that the user's `Cargo.toml` gives to `process_runner` |
///
/// The struct has named fields or none, and no parameters: `class:` names one type.
///
/// # On a field
///
/// | attribute | the field is |
/// |---|---|
/// | none | an option: read from `options:`, and required unless it is an `Option` |
/// | `#[job(default)]` | an option; without a value its type's `Default` |
/// | `#[job(default = expression)]` | an option; without a value this one. A literal text becomes a `String`, a `PathBuf`, whatever it converts to |
/// | `#[job(state)]` | shared: the value of this type from the [`App`], cloned for each worker |
/// | `#[job(skip)]`, `#[job(skip = expression)]` | the worker's own working storage; it starts with `Default`, or with the expression |
///
/// In an expression `Self` is the struct.
///
/// # Options
///
/// The type of an option implements `serde::Deserialize` and `schemars::JsonSchema`. Attributes of
/// serde and schemars are honoured, and its documentation is its description in the JSON Schema;
/// `#[serde(rename_all = "…")]` on the struct holds for all options. An unknown key is always
/// an error. Neither `flatten` nor a container's `default` is possible: an error could not
/// say where it is.
///
/// ```standalone_crate
/// # use process_runner::prelude::*;
/// # use serde_json::json;
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Retry {
///     times: u32,
/// }
///
/// #[job]
/// #[serde(rename_all = "kebab-case")]
/// struct Import {
///     first_retry: Retry,
///     #[schemars(range(min = 1))]
///     limit: Option<u32>,
/// }
/// # impl Job for Import {
/// #     type Record = ();
/// #     async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<()>> {
/// #         let _ = (self.first_retry.times, self.limit);
/// #         Ok(vec![])
/// #     }
/// #     async fn process_record(&mut self, _: &WorkerContext, _: &()) -> JobResult<()> { Ok(()) }
/// #     async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> { Ok(()) }
/// # }
///
/// # let registry = App::new().into_registry()?;
/// # let class = registry.class("Import").expect("it registers itself");
/// assert_eq!(class.check_options(&json!({ "first-retry": { "times": 3 } })), Ok(()));
/// let error = class.check_options(&json!({ "first-retry": { "times": "x" } })).unwrap_err();
/// assert_eq!(error.path, ["first-retry", "times"]);
/// # Ok::<(), process_runner::AppErrors>(())
/// ```
///
/// # How it fails
///
/// At compile time, with every error at once, each at the token it is about. A class with errors
/// is not registered.
pub use process_runner_macros::job;
/// Registers an async function as the constructor of shared state, so that a package with only a
/// library has state too. `App::new()` finds it; in a `main` of one's own, [`App::state`] does the
/// same for a closure.
///
/// ```standalone_crate
/// use process_runner::prelude::*;
///
/// #[derive(Clone)]
/// struct Pool;
///
/// #[process_runner::state]
/// async fn pool() -> Result<Pool, std::io::Error> {
///     Ok(Pool)
/// }
///
/// #[job]
/// struct Worker {
///     #[job(state)]
///     pool: Pool,
/// }
/// # impl Job for Worker {
/// #     type Record = ();
/// #     async fn lock_records(&mut self, _: &WorkerContext) -> JobResult<Vec<()>> {
/// #         let _ = &self.pool;
/// #         Ok(vec![])
/// #     }
/// #     async fn process_record(&mut self, _: &WorkerContext, _: &()) -> JobResult<()> { Ok(()) }
/// #     async fn unlock_records(&mut self, _: &WorkerContext) -> JobResult<()> { Ok(()) }
/// # }
///
/// // Without the function above: no state is registered for the field `pool`.
/// App::new().into_registry()?;
/// # Ok::<(), process_runner::AppErrors>(())
/// ```
///
/// The function takes no arguments and returns a `Result` of a value that is
/// `Clone + Send + Sync + 'static`. It runs once per node, in the process that runs the workers and
/// before the first of them, and never for commands like `validate`; an error keeps the node from
/// starting. `#[state(crate = "name")]` says what the user's `Cargo.toml` calls `process_runner`.
pub use process_runner_macros::state;
pub use runtime::{Node, NodeEnd, NodeError, NodeHandle};
pub use state::{Place, StateRequirement, States};

/// What a job's author needs: `use process_runner::prelude::*;`.
pub mod prelude {
    pub use crate::{App, Job, JobResult, WorkerContext, job};
}
