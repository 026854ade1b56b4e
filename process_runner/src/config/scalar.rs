//! What a scalar means: the only file that names `serde_yaml`.
//!
//! The tree comes from another parser, and the two disagree on the meaning of `07`, `0b101`, large
//! integers and `!!int "12"`. So that meaning has one source, each plain scalar is resolved here.

use serde_yaml::Value as Yaml;

use super::tree::Value;

/// Why a scalar has no meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarError {
    /// `.inf` or `.nan`.
    NotFinite,
    /// The text does not fit its tag, as in `!!int x`.
    TagMismatch,
    /// A tag this file has no use for.
    UnknownTag,
}

/// The meaning of a plain scalar.
pub(super) fn plain(text: &str) -> Result<Value, ScalarError> {
    if !may_be_typed(text) {
        return Ok(Value::Text(text.to_owned()));
    }
    // As a value of a mapping: alone, `---` would be a document and `-` a list.
    match serde_yaml::from_str::<Yaml>(&format!("k: {text}\n")) {
        Ok(Yaml::Mapping(map)) => resolved(map.get("k"), text),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// The meaning of a scalar with one of YAML's own tags, such as `!!int`.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Value, ScalarError> {
    match tag {
        "str" => return Ok(Value::Text(text.to_owned())),
        "int" | "float" | "bool" | "null" => {}
        _ => return Err(ScalarError::UnknownTag),
    }
    if !may_be_typed(text) {
        return Err(ScalarError::TagMismatch);
    }
    match serde_yaml::from_str::<Yaml>(&format!("k: !!{tag} '{text}'\n")) {
        Ok(Yaml::Mapping(map)) => match resolved(map.get("k"), text)? {
            Value::Text(_) => Err(ScalarError::TagMismatch),
            value => Ok(value),
        },
        _ => Err(ScalarError::TagMismatch),
    }
}

/// Whether `text` could be anything but a string. A replaced `${VAR}` may hold any text, and must
/// not become a mapping or a comment here. Most words are told by their first letter.
fn may_be_typed(text: &str) -> bool {
    let begins = |byte: &u8| byte.is_ascii_digit() || b"+-.~nNtTfF".contains(byte);
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~".contains(&byte);
    text.len() <= 400 && text.as_bytes().first().is_none_or(begins) && text.bytes().all(goes_on)
}

fn resolved(value: Option<&Yaml>, text: &str) -> Result<Value, ScalarError> {
    Ok(match value {
        None | Some(Yaml::Null) => Value::Null,
        Some(Yaml::Bool(value)) => Value::Bool(*value),
        Some(Yaml::Number(number)) => return self::number(number),
        Some(_) => Value::Text(text.to_owned()),
    })
}

fn number(number: &serde_yaml::Number) -> Result<Value, ScalarError> {
    let json = if let Some(value) = number.as_u64() {
        Some(value.into())
    } else if let Some(value) = number.as_i64() {
        Some(value.into())
    } else {
        number.as_f64().and_then(serde_json::Number::from_f64)
    };
    json.map(Value::Number).ok_or(ScalarError::NotFinite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<Value, ScalarError> {
        Ok(Value::Text(text.to_owned()))
    }

    #[test]
    fn plain_scalars_mean_what_serde_yaml_says() {
        assert_eq!(plain("12"), Ok(Value::Number(12.into())));
        assert_eq!(plain("-3"), Ok(Value::Number((-3).into())));
        assert_eq!(plain("0b101"), Ok(Value::Number(5.into())));
        assert_eq!(plain("0x1f"), Ok(Value::Number(31.into())));
        assert_eq!(plain("true"), Ok(Value::Bool(true)));
        assert_eq!(plain(""), Ok(Value::Null));
        assert_eq!(plain("~"), Ok(Value::Null));
        assert_eq!(plain("07"), text("07"));
        assert_eq!(plain("no"), text("no"));
        assert_eq!(plain("Null"), Ok(Value::Null));
        assert_eq!(plain("TRUE"), Ok(Value::Bool(true)));
        assert_eq!(plain(".inf"), Err(ScalarError::NotFinite));
    }

    #[test]
    fn text_that_looks_like_syntax_stays_text() {
        for value in [
            "-", "---", "...", "a: b", "[1]", "# x", "&a", "*a", "!!int 3", "'", "1 # 2",
        ] {
            assert_eq!(plain(value), text(value), "{value}");
        }
    }

    #[test]
    fn tags_decide() {
        assert_eq!(tagged("str", "12"), text("12"));
        assert_eq!(tagged("int", "12"), Ok(Value::Number(12.into())));
        assert_eq!(tagged("int", "x"), Err(ScalarError::TagMismatch));
        assert_eq!(tagged("binary", "AA=="), Err(ScalarError::UnknownTag));
    }
}
