//! Where a class gets its shared values from.
//!
//! The bounds stand on the constructors alone. Everything that uses a source asks for nothing
//! more, so that a type which lacks a trait is one error. They are free functions, because only of
//! those does the compiler underline the type argument, which is the user's own token.

use std::marker::PhantomData;

use super::{DriverValue, StateValue};
use crate::lock::LockDriver;
use crate::state::{StateRequirement, States};

/// The state of one field.
pub struct StateSource<T> {
    field: &'static str,
    requirement: fn(&'static str) -> StateRequirement,
    get: fn(&States) -> Option<T>,
}

/// The source of the field called `field`.
pub const fn state_source<T: StateValue>(field: &'static str) -> StateSource<T> {
    StateSource {
        field,
        requirement: StateRequirement::of::<T>,
        get: States::get::<T>,
    }
}

impl<T> StateSource<T> {
    /// What the App must provide.
    pub fn requirement(&self) -> StateRequirement {
        (self.requirement)(self.field)
    }

    /// The value, or the field's name if nobody provides one.
    pub fn get(&self, states: &States) -> Result<T, &'static str> {
        (self.get)(states).ok_or(self.field)
    }
}

/// The lock driver of a class that names a type.
pub struct DriverSource<T> {
    requirement: fn(&'static str) -> StateRequirement,
    get: fn(&States) -> Option<Box<dyn LockDriver>>,
    of: PhantomData<fn() -> T>,
}

/// The source of the driver.
pub const fn driver_source<T: DriverValue>() -> DriverSource<T> {
    DriverSource {
        requirement: StateRequirement::of::<T>,
        get: |states| {
            let driver = states.get::<T>()?;
            Some(Box::new(driver))
        },
        of: PhantomData,
    }
}

impl<T> DriverSource<T> {
    const FIELD: &'static str = "lock_driver";

    /// What the App must provide.
    pub fn requirement(&self) -> StateRequirement {
        (self.requirement)(Self::FIELD)
    }

    /// Fails if nobody provides the driver, so that no worker is ever built without its lock.
    pub fn check(&self, states: &States) -> Result<(), &'static str> {
        match self.driver(states) {
            Some(_) => Ok(()),
            None => Err(Self::FIELD),
        }
    }

    /// The driver.
    pub fn driver(&self, states: &States) -> Option<Box<dyn LockDriver>> {
        (self.get)(states)
    }
}
