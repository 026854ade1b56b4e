//! Tables for people: columns aligned by two spaces, no colour, no frame.
//!
//! A terminal of 80 columns shows every table here; only the last column may be long, and on a
//! terminal it is broken between words and stays in its place. Elsewhere a row is a line, so that
//! `grep` finds all of it.

use std::io::IsTerminal;

/// As wide as a terminal is at least.
const WIDTH: usize = 80;
/// A last column that is narrower than this is not broken: the terminal does it better.
const NARROWEST: usize = 24;

/// A table. Columns that are empty in every row are left out.
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, with a cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines, for the standard output of this process.
    pub(crate) fn render(&self) -> String {
        let width = std::io::stdout().is_terminal().then_some(WIDTH);
        self.render_within(width)
    }

    /// The rows without the header.
    pub(crate) fn render_body(&self) -> String {
        let text = self.render();
        let body = text.split_once('\n').map_or("", |(_, body)| body);
        body.to_owned()
    }

    fn render_within(&self, width: Option<usize>) -> String {
        let used: Vec<usize> = (0..self.header.len())
            .filter(|&at| self.rows.iter().any(|row| !row[at].is_empty()))
            .collect();
        let header: Vec<String> = self.header.iter().map(ToString::to_string).collect();
        let all = || std::iter::once(&header).chain(&self.rows);
        let widths: Vec<usize> = used
            .iter()
            .map(|&at| all().map(|row| row[at].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in all() {
            let cells: Vec<&str> = used.iter().map(|&at| row[at].as_str()).collect();
            line(&mut text, &cells, &widths, width);
        }
        text
    }
}

fn line(text: &mut String, cells: &[&str], widths: &[usize], width: Option<usize>) {
    let Some((last, before)) = cells.split_last() else {
        return;
    };
    let mut line = String::new();
    for (cell, width) in before.iter().zip(widths) {
        line += &format!("{cell:width$}  ");
    }
    let indent = line.chars().count();
    let room = width.map(|width| width.saturating_sub(indent));
    match room.filter(|room| *room >= NARROWEST) {
        Some(room) => line += &broken(last, room).join(&format!("\n{}", " ".repeat(indent))),
        None => line += last,
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// `text` in lines of at most `room` characters, broken between words.
fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut at = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if at > 0 && at + 1 + length > room {
            lines.push(String::new());
            at = 0;
        }
        if let Some(line) = lines.last_mut() {
            if at > 0 {
                line.push(' ');
                at += 1;
            }
            line.push_str(word);
            at += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["SLOT", "ZONE", "STATE", "REASON"]);
        let reason =
            "node `a` runs its max_workers of 2; node `b` runs the job's max_per_node of 1";
        table.row(["ticker@0", "", "running", ""].map(String::from));
        table.row(["ticker@10", "", "unplaced", reason].map(String::from));
        table
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        assert_eq!(
            table().render_within(None),
            "SLOT       STATE     REASON\n\
             ticker@0   running\n\
             ticker@10  unplaced  node `a` runs its max_workers of 2; node `b` runs the job's \
             max_per_node of 1\n"
        );
    }

    #[test]
    fn a_terminal_gets_no_line_longer_than_80() {
        let text = table().render_within(Some(WIDTH));
        assert_eq!(text.lines().count(), 4);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let broken = text.lines().last().unwrap();
        assert!(broken.starts_with(&" ".repeat(21)), "{broken}");
    }
}
