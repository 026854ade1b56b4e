//! Durations, written as in the configuration: `250ms`, `10s`, `1h30m`.

use std::time::Duration;

/// Reads a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total = (!rest.is_empty()).then_some(Duration::ZERO);
    while !rest.is_empty() {
        let (part, after) = part(rest).ok_or_else(usage)?;
        total = total.and_then(|total| total.checked_add(part));
        rest = after;
    }
    total.ok_or_else(usage)
}

fn usage() -> String {
    "write a duration like 250ms, 10s, 5m or 1h30m".to_owned()
}

/// One number with its unit, and what follows.
fn part(text: &str) -> Option<(Duration, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let rest = &text[digits..];
    let unit = rest
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(rest.len());
    let millis = match &rest[..unit] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let part = Duration::from_millis(number.checked_mul(millis)?);
    Some((part, &rest[unit..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_configuration_reads() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        for wrong in ["", "10", "s", "1x", "-1s", "1s1", "99999999999999999999h"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
