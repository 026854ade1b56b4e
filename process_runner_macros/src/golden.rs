//! What the macros write, as files to read: `tests/expand/*.in.rs` and the `*.out.rs` beside it.
//!
//! `UPDATE_EXPECT=1 cargo test -p process_runner_macros golden` rewrites the outputs. A difference
//! in a review is then a difference in what users compile.

use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, File, Item, Meta};

use crate::attributes::is_ours;

#[test]
fn expansions_are_as_written_down() {
    let inputs = inputs();
    assert!(
        inputs.len() >= 5,
        "the inputs are not where they were: {inputs:?}"
    );
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let wrong: Vec<String> = inputs
        .iter()
        .filter_map(|input| compare(input, update))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".in.rs"))
        .collect();
    files.sort();
    files
}

/// What differs, if anything.
fn compare(input: &Path, update: bool) -> Option<String> {
    let output = PathBuf::from(input.to_string_lossy().replace(".in.rs", ".out.rs"));
    let expansion = expand(&std::fs::read_to_string(input).unwrap());
    if update {
        std::fs::write(&output, expansion).unwrap();
        return None;
    }
    let expected = std::fs::read_to_string(&output).unwrap_or_default();
    (expansion != expected).then(|| {
        let output = output.display();
        format!("{output} is not what the macro writes; UPDATE_EXPECT=1 rewrites it:\n{expansion}")
    })
}

/// The file with our attributes expanded, formatted.
fn expand(source: &str) -> String {
    let file: File = syn::parse_str(source).unwrap();
    let items: TokenStream = file.items.into_iter().map(expand_item).collect();
    prettyplease::unparse(&syn::parse2(items).unwrap())
}

fn expand_item(mut item: Item) -> TokenStream {
    match take_ours(&mut item) {
        Some(("job", arguments)) => crate::job::attribute(arguments, item.into_token_stream()),
        Some((_, arguments)) => crate::state::attribute(arguments, item.into_token_stream()),
        None => item.into_token_stream(),
    }
}

/// Takes the attribute off, as the compiler does, and hands its arguments out.
fn take_ours(item: &mut Item) -> Option<(&'static str, TokenStream)> {
    let attributes: &mut Vec<Attribute> = match item {
        Item::Struct(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        Item::Fn(item) => &mut item.attrs,
        _ => return None,
    };
    for name in ["job", "state"] {
        if let Some(at) = attributes.iter().position(|a| is_ours(a.path(), name)) {
            let arguments = match attributes.remove(at).meta {
                Meta::List(list) => list.tokens,
                _ => TokenStream::new(),
            };
            return Some((name, arguments));
        }
    }
    None
}
