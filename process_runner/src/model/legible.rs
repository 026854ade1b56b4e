//! Text that others wrote, made fit for a terminal, a log and a record.
//!
//! An error of a job quotes what a program or a server said, and an operator may write anything as
//! the reason of a pause. None of it may move the cursor of whoever reads it, break a table, or make
//! a record too large for etcd.
//!
//! ```text
//! an error, a reason --Legible--> log          no control characters but line ends
//!                    --one_line-> status, text one line, bounded, too
//! ```

use std::fmt::{self, Write};

/// Shows a text with its control characters escaped, all but line ends and tabs.
pub(crate) struct Legible<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Legible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(is_hidden) {
            let mut before = piece.chars();
            match before.next_back().filter(|last| is_hidden(*last)) {
                Some(hidden) => write!(self.0, "{}{}", before.as_str(), hidden.escape_default())?,
                None => self.0.write_str(piece)?,
            }
        }
        Ok(())
    }
}

fn is_hidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\t')
}

/// `text` as one line of at most `most` characters. Of a longer one its beginning and its end stay:
/// there stand what failed and what was said last.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    const GAP: &str = " … ";
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = Legible(words.join(" ")).to_string();
    let length = line.chars().count();
    if length <= most {
        return line;
    }
    let kept = most.saturating_sub(GAP.chars().count());
    let head: String = line.chars().take(kept / 2).collect();
    let tail: String = line.chars().skip(length - kept.div_ceil(2)).collect();
    format!("{head}{GAP}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_does_not_steer_the_terminal() {
        let said = "one\n\ttwo \u{1b}[31mred\u{7} three\rfour \u{9b}5n ä€";
        assert_eq!(
            Legible(said).to_string(),
            "one\n\ttwo \\u{1b}[31mred\\u{7} three\\rfour \\u{9b}5n ä€"
        );
        assert_eq!(
            one_line(said, 1000),
            "one two \\u{1b}[31mred\\u{7} three four \\u{9b}5n ä€"
        );
    }

    #[test]
    fn a_long_line_keeps_its_beginning_and_its_end() {
        assert_eq!(one_line("abcdefghij", 10), "abcdefghij");
        assert_eq!(one_line("abcdefghijk", 10), "abc … hijk");
        assert_eq!(one_line("ääääääääääö", 10), "äää … äääö");
        assert_eq!(one_line(" \n ", 10), "");
    }
}
