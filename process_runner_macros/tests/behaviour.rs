//! What a class does once it is compiled: how it is found, what its options accept, and what its
//! schema says.

// These help tests, and are none themselves.
#![allow(clippy::expect_used)]

mod behaviour {
    pub(crate) mod classes;
    mod options;
    mod registry;
    mod renamed;
    mod schema;
}
