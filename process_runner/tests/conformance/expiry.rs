//! Leases that end by themselves.
