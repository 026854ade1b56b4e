//! What expanded macros name, and nobody else. No promise is made about any of it.

// This file is a module by another name, so its children need their paths spelled out.
#[path = "private/constructor.rs"]
mod constructor;
#[path = "private/option.rs"]
mod option;
#[path = "private/source.rs"]
mod source;

pub use inventory;
pub use schemars;
pub use serde;

pub use self::constructor::{StateResult, constructor};
pub use self::option::{OptionSource, Probe, Read, ReadAs, Unreadable, option_value};
pub use self::source::{DriverSource, StateSource, driver_source, state_source};
pub use crate::__option_source as option_source;
pub use crate::app::StateEntry;
pub use crate::class::{ClassEntry, JobClass};
pub use crate::lock::LockDriver;
pub use crate::state::{Place, StateRequirement, States};

/// Fails to compile, with one sentence at the field's type, when an option cannot be read from
/// the configuration.
#[diagnostic::on_unimplemented(
    message = "the option type `{Self}` cannot be read from the configuration",
    label = "this field is an option, so its type needs `serde::Deserialize` and `schemars::JsonSchema`",
    note = "derive both, or mark the field `#[job(state)]` (shared, from the App) or `#[job(skip)]` (the worker's own, `Default`)"
)]
pub trait OptionValue {}

#[diagnostic::do_not_recommend]
impl<T: serde::de::DeserializeOwned + schemars::JsonSchema> OptionValue for T {}

/// Fails to compile, with one sentence at the field's type, when a state cannot be shared.
#[diagnostic::on_unimplemented(
    message = "the state type `{Self}` cannot be shared between workers",
    label = "a value from the App needs `Clone + Send + Sync + 'static`",
    note = "wrap it in `std::sync::Arc`"
)]
pub trait StateValue: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> StateValue for T {}

/// Fails to compile, with one sentence at the path, when a lock driver is not one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a lock driver",
    label = "this type needs `impl LockDriver` and `Clone`",
    note = "the driver that needs nothing is `lock_driver = \"etcd\"`"
)]
pub trait DriverValue: LockDriver + Clone {}

#[diagnostic::do_not_recommend]
impl<T: LockDriver + Clone> DriverValue for T {}
