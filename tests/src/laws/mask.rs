//! Rust text with everything blanked out that is not code: comments, literals, tests.
//!
//! Masked text has the same lines and columns as the original, so that a find in it has a place.

/// Blanks out comments, strings and character literals.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| blank(*c)));
            at = end;
        }
    }
    out
}

/// Blanks out every item that is marked `#[cfg(test)]`, in text that [`code_only`] made.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(found) = rest.find(MARK) {
        let (before, item) = rest.split_at(found);
        let length = item_length(&item[MARK.len()..]) + MARK.len();
        out.push_str(before);
        out.extend(item[..length].chars().map(blank));
        rest = &item[length..];
    }
    out.push_str(rest);
    out
}

fn blank(c: char) -> char {
    if c == '\n' { '\n' } else { ' ' }
}

/// The end of the comment or literal that begins at `at`; `at` itself if none does.
fn skip(chars: &[char], at: usize) -> usize {
    match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => line_end(chars, at),
        ('/', Some('*')) => block_comment_end(chars, at),
        ('"', _) => string_end(chars, at + 1),
        ('r', Some('"' | '#')) if !continues_word(chars, at) => raw_string_end(chars, at),
        ('\'', Some(_)) => character_end(chars, at),
        _ => at,
    }
}

fn continues_word(chars: &[char], at: usize) -> bool {
    at > 0 && is_word(chars[at - 1]) && chars[at - 1] != 'b'
}

/// True for characters of identifiers.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_end(chars: &[char], at: usize) -> usize {
    position(chars, at, |c| c == '\n').unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut at = at;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') if depth == 1 => return at + 2,
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let mut from = open + 1;
    while let Some(quote) = position(chars, from, |c| c == '"') {
        let closing = chars[quote + 1..].iter().take(hashes);
        if closing.filter(|c| **c == '#').count() == hashes {
            return quote + 1 + hashes;
        }
        from = quote + 1;
    }
    chars.len()
}

/// A quote begins a character literal if another one closes it; else it begins a lifetime.
fn character_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => position(chars, at + 3, |c| c == '\'').map_or(at, |end| end + 1),
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

fn position(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> Option<usize> {
    let found = chars.get(from..)?.iter().position(|c| wanted(*c))?;
    Some(from + found)
}

/// How long the item is: to its semicolon, or to the brace that closes it.
fn item_length(item: &str) -> usize {
    let mut depth = 0;
    for (at, c) in item.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_vanish_and_lines_stay() {
        let text = "a // b\n\"c \\\" d\" e /* f /* g */ h */ i\nr#\"j \" k\"# l 'm' '\\'' 'n> \"\"";
        let code = code_only(text);
        assert_eq!(code.lines().count(), 3);
        let left: String = code.split_whitespace().collect();
        assert_eq!(left, "aeil'n>");
        assert_eq!(code.chars().count(), text.chars().count());
    }

    #[test]
    fn test_items_vanish() {
        let code =
            "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { } }\n#[cfg(test)]\nmod c;\nfn d() {}";
        let left = without_tests(code);
        assert!(left.contains("fn a") && left.contains("fn d"));
        assert!(!left.contains("fn b") && !left.contains("mod c"));
        assert_eq!(left.lines().count(), code.lines().count());
    }
}
