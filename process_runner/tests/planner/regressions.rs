//! Inputs at which other balancers failed, by name.
