//! What a class does once it is compiled: how it is found, what its options accept, and what its
//! schema says.

mod behaviour {
    pub(crate) mod classes;
    mod options;
    mod registry;
    mod renamed;
    mod schema;
}
