//! The options of `Command` as they stand in YAML, where `5` and `true` are fine as arguments and
//! as values of variables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

const COMMAND_USAGE: &str = "write `command` as a list of the program and its arguments, \
                             like [\"sh\", \"-c\", \"echo hello\"]";

/// The program and its arguments: never empty.
#[derive(Debug, Clone)]
pub(super) struct Argv(Vec<String>);

impl Argv {
    pub(super) fn args(&self) -> &[String] {
        &self.0
    }

    /// The program, for messages.
    pub(super) fn name(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl<'de> Deserialize<'de> for Argv {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Argv;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of the program and its arguments")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Argv, E> {
                Err(E::custom(COMMAND_USAGE))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Argv, A::Error> {
                let mut args = Vec::new();
                while let Some(Scalar(arg)) = list.next_element()? {
                    args.push(arg);
                }
                match args.first() {
                    Some(program) if !program.is_empty() => Ok(Argv(args)),
                    _ => Err(de::Error::custom(COMMAND_USAGE)),
                }
            }
        }
        deserializer.deserialize_any(List)
    }
}

impl JsonSchema for Argv {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Argv".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "minItems": 1,
            "items": generator.subschema_for::<Scalar>(),
        })
    }
}

/// Variables of the environment. Their values may be secret, so they have no `Debug`.
#[derive(Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Environment(BTreeMap<String, Scalar>);

impl Environment {
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let pairs = self.0.iter();
        pairs
            .map(|(name, value)| (name.clone(), value.0.clone()))
            .collect()
    }
}

/// A string, or something that YAML took for a number or a boolean.
#[derive(Clone)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
                // A NUL cannot be handed to a program, and a variable would end there.
                match text.contains('\0') {
                    true => Err(E::custom("this contains a NUL character")),
                    false => Ok(Scalar(text.to_owned())),
                }
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

/// How long a program may take to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct StopTimeout(Duration);

impl StopTimeout {
    pub(super) fn get(self) -> Duration {
        self.0
    }
}

impl Default for StopTimeout {
    fn default() -> Self {
        Self(Duration::from_secs(5))
    }
}

impl<'de> Deserialize<'de> for StopTimeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = StopTimeout;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `5s`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StopTimeout, E> {
                let parsed = crate::model::duration::parse(text);
                parsed.map(StopTimeout).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for StopTimeout {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "default": "5s" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::class::ClassEntry;
    use crate::command::Command;

    fn check(options: Value) -> Result<(), String> {
        let entry = ClassEntry::of::<Command>();
        (entry.check)(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_and_booleans_are_arguments_and_values_too() {
        let options = json!({"command": ["sleep", 5, 0.5, true], "env": {"PORT": 80, "ON": true}});
        assert_eq!(check(options), Ok(()));
    }

    #[test]
    fn a_command_that_is_no_list_is_told_how_to_be_one() {
        for wrong in [json!("sleep 5"), json!([]), json!([""])] {
            let error = check(json!({ "command": wrong })).unwrap_err();
            assert!(error.contains("[\"sh\", \"-c\""), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_handed_to_a_program_is_refused() {
        assert!(check(json!({"command": ["a\0b"]})).is_err());
        let error = check(json!({"command": ["a"], "stop_timeout": 5})).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected a duration such as `5s`"),
            "{error}"
        );
        assert!(check(json!({"command": ["a"], "stop_timeout": "5s"})).is_ok());
        assert!(check(json!({"command": ["a"], "shell": true})).is_err());
        assert!(check(json!({})).is_err());
    }
}
