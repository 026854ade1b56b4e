//! How an option gets into its field, and why a type that cannot be read is one error only.
//!
//! The derived code of serde and schemars asks for its traits in a dozen places, and each would
//! report a field whose type lacks them. So the options struct names the type through
//! [`OptionSource`]: itself if it can be read, and `()` if not, which always can. What remains is
//! the one check by [`option_value`], at the user's own token.
//!
//! [`Probe`] finds out which it is: an inherent constant with bounds hides the constant of a trait
//! exactly where the bounds hold.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::OptionValue;

/// Compiles only for types that can be read from the configuration.
pub const fn option_value<T: OptionValue>() {}

/// Knows whether `T` can be read.
pub struct Probe<T>(PhantomData<T>);

impl<T: DeserializeOwned + JsonSchema> Probe<T> {
    /// It can.
    pub const READABLE: bool = true;
}

/// What [`Probe`] says of a type that cannot be read.
pub trait Unreadable {
    /// It cannot.
    const READABLE: bool = false;
}

impl<T> Unreadable for Probe<T> {}

/// The option of a field of type `T`.
pub struct OptionSource<T, const READABLE: bool>(PhantomData<T>);

/// The type that stands for the field in the options struct.
pub type Read<Source> = <Source as ReadAs>::Value;

/// See [`Read`].
pub trait ReadAs {
    /// The type.
    type Value;
}

impl<T> ReadAs for OptionSource<T, true> {
    type Value = T;
}

impl<T> OptionSource<T, true> {
    /// The field's value, from what was read.
    pub fn get(read: T) -> T {
        read
    }

    /// What is read in absence of a value.
    pub fn default(value: T) -> T {
        value
    }
}

impl<T> ReadAs for OptionSource<T, false> {
    type Value = ();
}

impl<T> OptionSource<T, false> {
    /// Type checks, and never runs: `option_value` does not compile for `T`.
    pub fn get((): ()) -> T {
        unreachable!("a class with an option that cannot be read does not compile")
    }

    /// Type checks, and never runs.
    pub fn default(_: T) {}
}

/// The [`OptionSource`] of a type.
#[doc(hidden)]
#[macro_export]
macro_rules! __option_source {
    ($value:ty) => {
        $crate::__private::OptionSource<
            $value,
            {
                #[allow(unused_imports)]
                use $crate::__private::Unreadable as _;
                $crate::__private::Probe::<$value>::READABLE
            },
        >
    };
}
