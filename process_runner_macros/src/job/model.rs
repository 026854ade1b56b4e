//! What `#[job]` on a struct means, once it is known to be right.

use proc_macro2::Ident;
use syn::{Attribute, Expr, Type};

use crate::root::Root;

/// A job class.
pub(super) struct Class {
    pub(super) root: Root,
    /// The struct.
    pub(super) ident: Ident,
    /// The name in `class:`.
    pub(super) name: String,
    pub(super) driver: Driver,
    pub(super) fields: Vec<Field>,
    /// Documentation, serde's and schemars' attributes of the struct: they hold for its options.
    pub(super) options_attributes: Vec<Attribute>,
    /// The conditions under which the struct exists.
    pub(super) cfg: Vec<Attribute>,
}

/// What guards an iteration.
pub(super) enum Driver {
    /// The slot's own claim in etcd.
    Etcd,
    /// A value of this type, from the App.
    Type(Box<Type>),
}

/// One field of the struct.
pub(super) struct Field {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    /// The conditions under which the field exists.
    pub(super) cfg: Vec<Attribute>,
    pub(super) role: Role,
}

/// Where the value of a field comes from.
pub(super) enum Role {
    /// The configuration.
    Option {
        default: Option<DefaultValue>,
        /// Whether its type has to be readable by itself. Not if serde or schemars were told to
        /// read it by a function.
        by_type: bool,
        /// Documentation, serde's and schemars' attributes.
        attributes: Vec<Attribute>,
    },
    /// The App, shared by all workers of the node.
    State,
    /// The worker's own: this expression, else `Default::default()`.
    Skip(Option<Expr>),
}

/// What an option is when the configuration does not name it.
pub(super) enum DefaultValue {
    /// `Default::default()` of its type.
    OfType,
    /// This expression.
    Expr(Expr),
}
