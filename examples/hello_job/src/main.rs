//! The program of this example, once the command line is there.

fn main() {}
