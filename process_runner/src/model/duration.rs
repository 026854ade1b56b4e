//! Durations: `250ms`, `10s`, `5m`, `1h30m`, `2d`. Exact, with a unit, largest unit first.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration, or says in a few words what is wrong with it.
///
/// # Errors
///
/// Those words.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("it is empty");
    }
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let (count, after) = digits(rest)?;
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = self::unit(unit)?;
        if unit >= last_unit {
            return Err("units go from the largest to the smallest, each once");
        }
        let part = count.checked_mul(unit).ok_or(TOO_LONG)?;
        total = total.checked_add(part).ok_or(TOO_LONG)?;
        last_unit = unit;
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

const TOO_LONG: &str = "it is too long";

fn digits(text: &str) -> Result<(u64, &str), &'static str> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    match (digits, rest.chars().next()) {
        ("", Some('-')) => Err("it cannot be negative"),
        ("", _) => Err("it must begin with a number"),
        (_, Some('.' | ',')) => Err("fractions are written with a smaller unit: 1s500ms"),
        (_, None) => Err("the number needs a unit: ms, s, m, h or d"),
        (_, Some(' ')) => Err("there is no space between number and unit"),
        _ => digits
            .parse()
            .map(|count| (count, rest))
            .map_err(|_| TOO_LONG),
    }
}

fn unit(name: &str) -> Result<u64, &'static str> {
    let found = UNITS.iter().find(|(unit, _)| *unit == name);
    found.map(|(_, millis)| *millis).ok_or(match name {
        "us" | "ns" => "the smallest unit is ms",
        _ => "the units are ms, s, m, h and d",
    })
}

/// Writes a duration as `parse` reads it.
pub fn show(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in UNITS {
        if millis >= length {
            text += &format!("{}{unit}", millis / length);
            millis %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_shows() {
        for text in ["250ms", "10s", "5m", "1h30m", "2d", "1d2h3m4s5ms", "0s"] {
            assert_eq!(parse(text).map(show).as_deref(), Ok(text));
        }
        assert_eq!(parse("90m"), Ok(Duration::from_secs(5400)));
        assert_eq!(show(Duration::from_secs(5400)), "1h30m");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, reason) in [
            ("", "empty"),
            ("10", "needs a unit"),
            ("s", "begin with a number"),
            ("-1s", "negative"),
            ("1.5s", "smaller unit"),
            ("1 s", "no space"),
            ("1s1m", "largest to the smallest"),
            ("1s1s", "largest to the smallest"),
            ("5min", "units are"),
            ("3us", "smallest unit"),
            ("99999999999999999999s", "too long"),
            ("9999999999999999d", "too long"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
