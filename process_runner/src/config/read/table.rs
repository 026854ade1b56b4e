//! A section from one table: what is read, overlaid, suggested and described cannot disagree.

use serde_json::{Map, Value as Json, json};

/// The JSON Schema of a section, from its keys, their schemas, descriptions and defaults.
pub(in crate::config) fn schema(doc: &str, fields: Vec<(&str, &str, Json, Option<Json>)>) -> Json {
    let mut properties = Map::new();
    for (key, doc, mut schema, default) in fields {
        if let Json::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), doc.trim().into());
            if let Some(default) = default {
                schema.insert("default".to_owned(), default);
            }
        }
        properties.insert(key.to_owned(), schema);
    }
    json!({
        "type": "object",
        "description": doc.trim(),
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Declares a section: the struct, how it is read, overlaid and described, from one table.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $name:ident {
            $( $(#[doc = $field_doc:literal])* $key:ident: $type:ty $(= $default:literal)?, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone)]
        pub(super) struct $name {
            $( $(#[doc = $field_doc])* pub(super) $key: Option<At<$type>>, )*
            /// Every key that was written, known or not, broken or not.
            pub(super) keys: Vec<Key>,
        }

        impl Section for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),*];

            fn read(fields: &mut Fields<'_>) -> Self {
                Self { $( $key: fields.take(stringify!($key)), )* keys: fields.keys() }
            }

            fn overlay(self, over: Self) -> Self {
                Self { $( $key: overlay(self.$key, over.$key), )* keys: over.keys }
            }

            fn schema() -> serde_json::Value {
                read::schema(
                    concat!($($doc, "\n"),*),
                    vec![ $( (
                        stringify!($key),
                        concat!($($field_doc, "\n"),*),
                        <$type as Read>::schema(),
                        section!(@default $($default)?),
                    ), )* ],
                )
            }
        }

        impl Read for $name {
            const MAY_BE_EMPTY: bool = true;

            fn read(field: &Field<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
                read::mapping(field.node, &field.name(), problems)
            }

            fn schema() -> serde_json::Value {
                <Self as Section>::schema()
            }

            fn overlay(self, over: Self) -> Self {
                <Self as Section>::overlay(self, over)
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some(serde_json::json!($default)) };
}
pub(in crate::config) use section;
