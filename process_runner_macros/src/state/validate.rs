//! Judges whether a function can construct state: it is run once per node, by the runner, which
//! has nothing to give to it.

use syn::{FnArg, ReturnType, Signature, Type};

use crate::diagnostic::Diagnostics;

/// Notes everything about `sig` that keeps it from being a constructor.
pub(super) fn signature(sig: &Signature, errors: &mut Diagnostics) {
    if sig.asyncness.is_none() {
        errors.error(
            sig.fn_token,
            "a state constructor is an `async fn`: it may connect, and a command like `validate` \
             must not",
        );
    }
    if let Some(unsafety) = unsafety(sig) {
        errors.error(
            unsafety,
            "a state constructor is called by the runner, so it is safe",
        );
    }
    generics(sig, errors);
    inputs(sig, errors);
    output(sig, errors);
}

fn unsafety(sig: &Signature) -> Option<&syn::Token![unsafe]> {
    match &sig.safety {
        syn::Safety::Unsafe(unsafety) => Some(unsafety),
        _ => None,
    }
}

fn generics(sig: &Signature, errors: &mut Diagnostics) {
    for parameter in &sig.generics.params {
        errors.error(
            parameter,
            "a state constructor cannot be generic: state is found by its type, and nobody says \
             for which types to call this",
        );
    }
}

fn inputs(sig: &Signature, errors: &mut Diagnostics) {
    for input in &sig.inputs {
        let message = match input {
            FnArg::Receiver(_) => {
                "a state constructor is a free function: there is no `self` yet when it runs"
            }
            FnArg::Typed(_) => {
                "a state constructor takes no arguments: read what it needs from the environment, \
                 or register a closure with `App::state`"
            }
        };
        errors.error(input, message);
    }
}

/// Refuses what cannot be a `Result` under any name. The type checker judges the rest.
fn output(sig: &Signature, errors: &mut Diagnostics) {
    const USAGE: &str = "a state constructor returns a `Result`, so that a node whose state \
                         cannot be built says why and does not start";
    match &sig.output {
        ReturnType::Default => errors.error(&sig.ident, USAGE),
        ReturnType::Type(_, ty) => {
            if !matches!(
                **ty,
                Type::Path(_) | Type::Macro(_) | Type::Paren(_) | Type::Group(_)
            ) {
                errors.error(ty, USAGE);
            }
        }
    }
}
