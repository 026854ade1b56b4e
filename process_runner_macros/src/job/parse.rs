//! Reads what was written: the arguments of `#[job]`, the struct, and `#[job]` on its fields.
//!
//! Only syntax and keys are judged here. What is read may still make no sense together.

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{Attribute, Expr, Item, LitStr, Meta, Token, Type};

use crate::attributes::{self, Kind};
use crate::diagnostic::Diagnostics;
use crate::keys::{self, Keys};
use crate::root::Root;

const JOB_KEYS: &[&str] = &["lock_driver", "class", "crate"];
const FIELD_KEYS: &[&str] = &["default", "state", "skip"];

const DRIVER_USAGE: &str = "`lock_driver` takes the name of a driver, `lock_driver = \"etcd\"`, \
                            or the path of a type that implements `LockDriver`";
const CLASS_USAGE: &str = "`class` takes a string, the name in the configuration: \
                           `class = \"Name\"`";

/// One use of `#[job]`.
pub(super) struct Written {
    pub(super) arguments: Arguments,
    pub(super) item: Item,
    /// The fields of the item, if it is a struct.
    pub(super) fields: Vec<WrittenField>,
}

/// What stands between the parentheses of `#[job(…)]` on the struct.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) root: Root,
    pub(super) class: Option<LitStr>,
    pub(super) driver: Option<DriverName>,
}

/// The value of `lock_driver`.
pub(super) enum DriverName {
    Name(LitStr),
    Type(Box<Type>),
}

/// A field and what `#[job]` says about it.
pub(super) struct WrittenField {
    pub(super) field: syn::Field,
    pub(super) roles: Vec<WrittenRole>,
}

/// A key of `#[job]` on a field, with its value.
pub(super) struct WrittenRole {
    pub(super) key: Ident,
    pub(super) value: RoleValue,
}

/// Which key it is.
pub(super) enum RoleValue {
    Default(Option<Expr>),
    State,
    Skip(Option<Expr>),
}

/// Reads one use of `#[job]`. `Err` if the item is no Rust.
pub(super) fn written(
    arguments: TokenStream,
    item: TokenStream,
    errors: &mut Diagnostics,
) -> syn::Result<Written> {
    let item: Item = syn::parse2(item)?;
    let arguments = read_arguments(arguments, errors);
    let fields = match &item {
        Item::Struct(item) => item.fields.iter().map(|f| read_field(f, errors)).collect(),
        _ => Vec::new(),
    };
    Ok(Written {
        arguments,
        item,
        fields,
    })
}

fn read_arguments(tokens: TokenStream, errors: &mut Diagnostics) -> Arguments {
    let mut read = Arguments::default();
    Keys::new("`#[job]`", JOB_KEYS).read(tokens, errors, |key, input| {
        match key.to_string().as_str() {
            "crate" => read.root = Root::parse(key, input)?,
            "class" => read.class = Some(keys::string(key, input, CLASS_USAGE)?),
            _ => read.driver = Some(read_driver(key, input)?),
        }
        Ok(())
    });
    read
}

fn read_driver(key: &Ident, input: ParseStream<'_>) -> syn::Result<DriverName> {
    keys::equals(key, input, DRIVER_USAGE)?;
    if input.peek(LitStr) {
        return input.parse().map(DriverName::Name);
    }
    let at = input.span();
    match input.parse() {
        Ok(ty @ Type::Path(_)) => Ok(DriverName::Type(Box::new(ty))),
        Ok(other) => Err(syn::Error::new_spanned(other, DRIVER_USAGE)),
        Err(_) => Err(syn::Error::new(at, DRIVER_USAGE)),
    }
}

fn read_field(field: &syn::Field, errors: &mut Diagnostics) -> WrittenField {
    let mut roles = Vec::new();
    let mut keys = Keys::new("`#[job]` on a field", FIELD_KEYS);
    for attribute in &field.attrs {
        if attributes::kind(attribute) == Kind::Job {
            read_roles(attribute, &mut keys, &mut roles, errors);
        }
    }
    WrittenField {
        field: field.clone(),
        roles,
    }
}

fn read_roles(
    attribute: &Attribute,
    keys: &mut Keys,
    roles: &mut Vec<WrittenRole>,
    errors: &mut Diagnostics,
) {
    if attribute.path().is_ident("cfg_attr") {
        let message = "the role of a field cannot depend on a condition; \
                       put `#[cfg]` on two fields instead";
        return errors.error(attribute, message);
    }
    match &attribute.meta {
        Meta::List(list) if !list.tokens.is_empty() => {
            keys.read(list.tokens.clone(), errors, |key, input| {
                let value = read_role(key, input)?;
                roles.push(WrittenRole {
                    key: key.clone(),
                    value,
                });
                Ok(())
            });
        }
        _ => errors.error(
            attribute,
            "`#[job]` on a field says what the field is: `#[job(default)]`, \
             `#[job(default = …)]`, `#[job(state)]` or `#[job(skip)]`; \
             an option without a default needs no attribute",
        ),
    }
}

fn read_role(key: &Ident, input: ParseStream<'_>) -> syn::Result<RoleValue> {
    match key.to_string().as_str() {
        "default" => {
            let usage = "`default` alone is the type's own default; \
                         with a value it is `default = expression`";
            keys::optional_value(key, input, usage).map(RoleValue::Default)
        }
        "skip" => {
            let usage = "`skip` alone starts with the type's own default; \
                         with a value it is `skip = expression`";
            keys::optional_value(key, input, usage).map(RoleValue::Skip)
        }
        _ if input.peek(Token![=]) => {
            Err(input.error("`state` takes no value: it is found by the field's type"))
        }
        _ => Ok(RoleValue::State),
    }
}
