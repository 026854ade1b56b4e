//! What serde's messages say, put so that users understand it and secrets stay out of it.

/// What serde complains about.
pub(super) enum Complaint<'m> {
    Unknown(&'m str),
    Missing(&'m str),
    Other,
}

impl<'m> Complaint<'m> {
    pub(super) fn of(message: &'m str) -> Self {
        let quoted = |start: &str| message.strip_prefix(start)?.split('`').next();
        if let Some(name) = quoted("unknown field `") {
            Self::Unknown(name)
        } else if let Some(name) = quoted("missing field `") {
            Self::Missing(name)
        } else {
            Self::Other
        }
    }
}

/// What serde expected, which is the struct's text; what it found is the secret before it.
pub(super) fn without_value(message: &str) -> String {
    let standard = [
        "invalid type: ",
        "invalid value: ",
        "invalid length ",
        "unknown variant `",
    ];
    let expected = standard
        .iter()
        .any(|start| message.starts_with(start))
        .then(|| message.rsplit_once(", expected "))
        .flatten();
    match expected {
        Some((_, expected)) => format!("expected {}; the value is not shown", number(expected)),
        None => "the value is not accepted, and not shown".to_owned(),
    }
}

/// Serde's message with Rust's integer types in words.
pub(super) fn clear(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((found, expected)) => format!("{found}, expected {}", number(expected)),
        None => message.to_owned(),
    }
}

fn number(expected: &str) -> String {
    let range = match expected {
        "u8" => "from 0 to 255",
        "u16" => "from 0 to 65535",
        "u32" => "from 0 to 4294967295",
        "u64" | "usize" => "from 0",
        "i8" => "from -128 to 127",
        "i16" => "from -32768 to 32767",
        "i32" | "i64" | "isize" => "of its type's size",
        _ => return expected.to_owned(),
    };
    format!("a whole number {range} ({expected})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_left_out() {
        for (message, expected) in [
            (
                "invalid type: string \"hunter2, expected x\", expected u32",
                "expected a whole number from 0 to 4294967295 (u32); the value is not shown",
            ),
            (
                "unknown variant `hunter2`, expected `a` or `b`",
                "expected `a` or `b`; the value is not shown",
            ),
            (
                "hunter2, expected better",
                "the value is not accepted, and not shown",
            ),
        ] {
            assert_eq!(without_value(message), expected);
        }
    }

    #[test]
    fn numbers_are_told_in_words() {
        assert_eq!(
            clear("invalid value: integer `300`, expected u8"),
            "invalid value: integer `300`, expected a whole number from 0 to 255 (u8)"
        );
        assert_eq!(clear("bad"), "bad");
    }
}
