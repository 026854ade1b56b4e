//! What a user reads when something is wrong, and a few things that must compile.
//!
//! One idea a file. The messages are ours wherever that is possible; where the compiler speaks, the
//! text may change with its version.

#[test]
fn messages() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/job/*.rs");
    cases.compile_fail("tests/ui/state/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
