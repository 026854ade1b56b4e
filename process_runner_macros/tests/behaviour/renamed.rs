//! A dependency that the user's `Cargo.toml` gives another name.

mod runner {
    pub(crate) use process_runner as inner;
}

use process_runner::prelude::*;

use super::classes::{class, idle, registry};

/// By path.
#[job(crate = runner::inner)]
struct Renamed {
    /// Read through the renamed serde.
    #[job(default = 2)]
    #[allow(dead_code)]
    wait: u32,
}

idle!(Renamed);

#[derive(Clone)]
struct Token;

#[process_runner::state(crate = "runner::inner")]
async fn token() -> Result<Token, std::io::Error> {
    Ok(Token)
}

/// By a string, and asking for the state above: without its registration there is no registry.
#[job(crate = "runner::inner")]
struct AlsoRenamed {
    #[job(state)]
    #[allow(dead_code)]
    token: Token,
}

idle!(AlsoRenamed);

#[test]
fn expansions_find_the_renamed_crate() {
    assert_eq!(
        class("Renamed").options_schema()["properties"]["wait"]["default"],
        2
    );
    assert!(registry().class("AlsoRenamed").is_some());
}
