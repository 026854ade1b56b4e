//! Which lock driver a class names.

use syn::{LitStr, Type};

use super::super::model::Driver;
use super::super::parse::DriverName;
use crate::diagnostic::Diagnostics;
use crate::suggest;

/// The drivers that have a name. Any other driver is named by its type.
const DRIVERS: &[&str] = &["etcd"];

/// The driver called `name`.
pub(super) fn of(name: DriverName, errors: &mut Diagnostics) -> Driver {
    match name {
        DriverName::Name(name) => {
            if !DRIVERS.contains(&name.value().as_str()) {
                errors.error(&name, unknown(&name));
            }
            Driver::Etcd
        }
        DriverName::Type(ty) => {
            if let Some(driver) = unquoted(&ty) {
                let message = format!(
                    "a driver with a name is written as a string: `lock_driver = \"{driver}\"`"
                );
                errors.error(&ty, message);
            }
            Driver::Type(ty)
        }
    }
}

fn unknown(name: &LitStr) -> String {
    let name = name.value();
    let hint = match suggest::nearest(&name, DRIVERS) {
        Some(near) => format!("did you mean `{near}`? "),
        None => String::new(),
    };
    let known = suggest::list(DRIVERS);
    format!(
        "there is no lock driver `{name}`; {hint}known drivers: {known}, or the path of a type \
         that implements `LockDriver`"
    )
}

/// The driver that was meant by a path that is none: `etcd` without its quotes.
fn unquoted(ty: &Type) -> Option<&'static str> {
    let Type::Path(path) = ty else {
        return None;
    };
    let ident = path.path.get_ident()?;
    DRIVERS.iter().find(|name| ident == *name).copied()
}
