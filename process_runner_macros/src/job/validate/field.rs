//! What a field is: an option, shared state, or the worker's own.

use proc_macro2::Ident;

use super::super::model::{DefaultValue, Field, Role};
use super::super::parse::{RoleValue, WrittenField, WrittenRole};
use super::serde;
use crate::attributes::{self, Kind};
use crate::diagnostic::Diagnostics;

/// The field, or `None` if it has no name.
pub(super) fn of(written: WrittenField, errors: &mut Diagnostics) -> Option<Field> {
    let WrittenField { field, roles } = written;
    one_role(&roles, errors);
    let role = match roles.into_iter().next() {
        Some(WrittenRole { key, value }) => match value {
            RoleValue::State => shared(&key, &field, errors, Role::State),
            RoleValue::Skip(value) => shared(&key, &field, errors, Role::Skip(value)),
            RoleValue::Default(None) => option(&field, Some(DefaultValue::OfType), errors),
            RoleValue::Default(Some(value)) => {
                option(&field, Some(DefaultValue::Expr(value)), errors)
            }
        },
        None => option(&field, None, errors),
    };
    Some(Field {
        ident: field.ident?,
        ty: field.ty,
        cfg: attributes::of(&field.attrs, &[Kind::Cfg]),
        role,
    })
}

fn one_role(roles: &[WrittenRole], errors: &mut Diagnostics) {
    let Some((first, others)) = roles.split_first() else {
        return;
    };
    for other in others {
        errors.error(&other.key, two_roles(&first.key, &other.key));
    }
}

fn two_roles(first: &Ident, second: &Ident) -> String {
    let pair = [first.to_string(), second.to_string()];
    let has = |key: &str| pair.iter().any(|k| k == key);
    if has("state") && has("default") {
        "a field with `state` has no default: its value comes from the App".to_owned()
    } else if has("skip") && has("default") {
        "`default` is for options, and a field with `skip` is none; to start with a value of its \
         own, write `skip = expression`"
            .to_owned()
    } else {
        format!("a field is one thing, so keep either `{first}` or `{second}`")
    }
}

fn option(field: &syn::Field, default: Option<DefaultValue>, errors: &mut Diagnostics) -> Role {
    let attributes = serde::of_option(&field.attrs, default.is_some(), errors);
    Role::Option {
        default,
        by_type: !serde::reads_by_function(&attributes),
        attributes,
    }
}

/// A field that is never read from the configuration: serde and schemars have no say in it.
fn shared(key: &Ident, field: &syn::Field, errors: &mut Diagnostics, role: Role) -> Role {
    for attribute in attributes::of(&field.attrs, &[Kind::Serde]) {
        let message = format!(
            "a field with `{key}` is never read from the configuration, so this attribute has \
             nothing to say"
        );
        errors.error(&attribute, message);
    }
    role
}
