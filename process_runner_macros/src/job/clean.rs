//! The user's item without what only `#[job]` understands.

use syn::{Attribute, Field, Fields, Item};

use crate::attributes::{self, Kind};

/// `item` without `#[job]` anywhere, and without the attributes of serde and schemars where no
/// derive of the user's would understand them.
pub(super) fn item(mut item: Item) -> Item {
    match &mut item {
        Item::Struct(item) => {
            let keep_serde = attributes::derives_serde(&item.attrs);
            clean_attributes(&mut item.attrs, keep_serde);
            clean_fields(&mut item.fields, keep_serde);
        }
        Item::Enum(item) => {
            let keep_serde = attributes::derives_serde(&item.attrs);
            clean_attributes(&mut item.attrs, keep_serde);
            for variant in &mut item.variants {
                clean_attributes(&mut variant.attrs, keep_serde);
                clean_fields(&mut variant.fields, keep_serde);
            }
        }
        Item::Union(item) => {
            let keep_serde = attributes::derives_serde(&item.attrs);
            clean_attributes(&mut item.attrs, keep_serde);
            for field in &mut item.fields.named {
                clean_attributes(&mut field.attrs, keep_serde);
            }
        }
        _ => {}
    }
    item
}

fn clean_fields(fields: &mut Fields, keep_serde: bool) {
    let clean = |field: &mut Field| clean_attributes(&mut field.attrs, keep_serde);
    fields.iter_mut().for_each(clean);
}

fn clean_attributes(attributes: &mut Vec<Attribute>, keep_serde: bool) {
    attributes.retain(|attribute| match attributes::kind(attribute) {
        Kind::Job => false,
        Kind::Serde => keep_serde,
        Kind::Doc | Kind::Cfg | Kind::Other => true,
    });
}
