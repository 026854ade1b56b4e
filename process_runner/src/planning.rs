//! What the planner would do: who would run what, offline, and what moves when nodes come and go.
//!
//! ```
//! use process_runner::config::{Request, load};
//! use process_runner::planning::{Scenario, rehearse};
//! # let directory = std::env::temp_dir().join(format!("planning-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let path = directory.join("config.yml");
//! # std::fs::write(&path, "jobs: { ticker: { class: Command, workers: 3 } }")?;
//! # let request = Request { path: Some(&path), environment: None, env: &|_| None, classes: None };
//! # let config = load(&request).map_err(|problems| format!("{problems:?}"))?.config;
//! let rehearsal = rehearse(
//!     &config,
//!     &Scenario {
//!         nodes: vec!["a:2".parse()?, "b".parse()?],
//!         lose: vec!["a".into()],
//!         join: vec![],
//!     },
//! )?;
//! let moved: Vec<u32> = rehearsal.moves.iter().map(|moved| moved.index).collect();
//! assert_eq!(rehearsal.before["a"]["ticker"], moved);
//! assert_eq!(rehearsal.after["b"]["ticker"], [0, 1, 2]);
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Model
//!
//! The nodes of a [`Scenario`] all run the same configuration, and nothing is running yet. They are
//! planned once, then some are lost and others join, and the cluster is planned again: by the same
//! function that the leader of a cluster calls.
//!
//! # How it fails
//!
//! With a [`ScenarioError`] if the scenario contradicts itself. What finds no place is no error, but
//! an entry in [`Rehearsal::unplaced`].

mod error;
mod node;
mod scenario;
mod view;

pub use error::ScenarioError;
pub use node::ImaginedNode;
pub use scenario::{Assignment, Rehearsal, Scenario, SlotMove, UnplacedSlot, rehearse};
