//! What a program writes: bytes into lines, with bounded memory, and the last of them kept.

use std::collections::VecDeque;
use std::fmt::Write;

/// A longer line is handed on in pieces of this many bytes.
const LINE_LIMIT: usize = 8 * 1024;
/// How many lines of stderr an error quotes, and how many bytes of each.
const TAIL_LINES: usize = 10;
const TAIL_LINE_LIMIT: usize = 300;

/// Cuts a stream of bytes into lines.
///
/// Memory: at most one piece of [`LINE_LIMIT`] bytes. What is not UTF-8 becomes U+FFFD.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes `bytes` and hands on the lines that are complete, without their ends.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(&str)) {
        while !bytes.is_empty() {
            let room = LINE_LIMIT - self.rest.len();
            let (piece, after) = bytes.split_at(bytes.len().min(room));
            match piece.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.rest.extend_from_slice(&piece[..end]);
                    self.hand_on(self.rest.len(), &mut line);
                    bytes = &bytes[end + 1..];
                }
                None => {
                    self.rest.extend_from_slice(piece);
                    bytes = after;
                    if self.rest.len() == LINE_LIMIT {
                        self.hand_on(whole_characters(&self.rest), &mut line);
                    }
                }
            }
        }
    }

    /// Hands on what came after the last line end, if anything did.
    pub(super) fn finish(&mut self, mut line: impl FnMut(&str)) {
        if !self.rest.is_empty() {
            self.hand_on(self.rest.len(), &mut line);
        }
    }

    fn hand_on(&mut self, end: usize, line: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.rest[..end]);
        line(text.strip_suffix('\r').unwrap_or(&text));
        self.rest.drain(..end);
    }
}

/// How many of `bytes` are left if a character that is not complete is cut off their end.
fn whole_characters(bytes: &[u8]) -> usize {
    let end = bytes.len();
    // A character has at most four bytes, so an incomplete one begins in the last three.
    for at in (end.saturating_sub(3)..end).rev() {
        let width = match bytes[at] {
            0x80..=0xbf => continue,
            0xf0.. => 4,
            0xe0.. => 3,
            0xc0.. => 2,
            _ => 1,
        };
        return if at + width > end { at } else { end };
    }
    end
}

/// The last lines of stderr, for the error of a failed run.
#[derive(Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
}

impl Tail {
    /// Remembers `line` and forgets the one before the last ten.
    pub(super) fn push(&mut self, line: &str) {
        if self.lines.len() == TAIL_LINES {
            self.lines.pop_front();
        }
        let mut end = line.len().min(TAIL_LINE_LIMIT);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let cut = if end < line.len() { " …" } else { "" };
        self.lines.push_back(format!("{}{cut}", &line[..end]));
    }

    /// `what`, followed by the lines.
    pub(super) fn explain(&self, what: &str) -> String {
        let mut text = what.to_owned();
        if self.lines.is_empty() {
            text.push_str(" and wrote nothing to stderr");
        } else {
            text.push_str("; the last of its stderr:");
        }
        for line in &self.lines {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\n  {line}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.push(chunk, |line| out.push(line.to_owned()));
        }
        lines.finish(|line| out.push(line.to_owned()));
        out
    }

    #[test]
    fn lines_are_put_together_from_chunks() {
        let chunks: [&[u8]; 4] = [b"a", b"b\n\nc\r\nd", b"", b"e"];
        assert_eq!(lines(&chunks), ["ab", "", "c", "de"]);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn what_is_not_text_is_replaced() {
        assert_eq!(lines(&[b"\xff\xfe ok\n"]), ["\u{fffd}\u{fffd} ok"]);
    }

    #[test]
    fn an_endless_line_comes_in_pieces_that_cut_no_character() {
        let text = "x".to_owned() + &"ä€😀".repeat(9_000);
        let got = lines(&[text.as_bytes()]);
        assert!(got.len() > 9 && got.iter().all(|piece| piece.len() <= LINE_LIMIT));
        assert_eq!(got.concat(), text);
        assert_eq!(
            lines(&[&[0xf0; 20_000]]).len(),
            3,
            "no text at all ends too"
        );
    }

    #[test]
    fn the_tail_is_bounded() {
        let mut tail = Tail::default();
        for n in 0..100 {
            tail.push(&format!("{n} {}", "ä".repeat(1_000)));
        }
        let text = tail.explain("it failed");
        assert!(text.contains("\n  99 ") && !text.contains("\n  89 "));
        assert!(text.len() < TAIL_LINES * (TAIL_LINE_LIMIT + 10) + 100);
    }
}
