//! For GitHub Actions: one workflow command per problem, shown beside the changed line.

use process_runner::config::{Problem, Problems};

use super::file;

/// Writes a line per problem.
pub(super) fn render(problems: &Problems) -> String {
    let file = property(&file(problems));
    let lines = problems.list.iter().map(|problem| line(problem, &file));
    lines.collect()
}

fn line(problem: &Problem, file: &str) -> String {
    let place = problem.primary.as_ref().map_or_else(String::new, |label| {
        let (start, end) = (label.span.start, label.span.end);
        format!(
            ",line={},endLine={},col={},endColumn={}",
            start.line, end.line, start.column, end.column
        )
    });
    let label = problem.primary.as_ref().map(|label| label.text.as_str());
    let label = label.filter(|text| !text.is_empty());
    let parts = [
        Some(problem.message.as_str()),
        label,
        problem.help.as_deref(),
    ];
    let text: Vec<&str> = parts.into_iter().flatten().collect();
    format!(
        "::{} file={file}{place},title={}::{}\n",
        problem.severity,
        problem.code,
        data(&text.join("\n"))
    )
}

/// Text after the `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Text of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
