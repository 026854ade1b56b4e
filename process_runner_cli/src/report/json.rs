//! For scripts: everything there is to know, in one document.

use process_runner::config::{Label, Problem, Problems, Span};
use serde_json::{Value, json};

use super::file;

/// Writes one line of JSON.
pub(super) fn render(problems: &Problems) -> String {
    let file = file(problems);
    let list: Vec<Value> = problems
        .list
        .iter()
        .map(|row| problem(row, &file))
        .collect();
    let document = json!({ "v": 1, "problems": list, "omitted": problems.omitted });
    format!("{document}\n")
}

fn problem(problem: &Problem, file: &str) -> Value {
    let primary = problem.primary.as_ref();
    json!({
        "code": problem.code,
        "severity": problem.severity.to_string(),
        "message": problem.message,
        "file": file,
        "line": primary.map(|label| label.span.start.line),
        "column": primary.map(|label| label.span.start.column),
        "span": primary.map(|label| span(label.span)),
        "label": primary.map(|label| label.text.as_str()).filter(|text| !text.is_empty()),
        "related": problem.secondary.iter().map(related).collect::<Vec<_>>(),
        "help": problem.help,
        "notes": problem.notes,
    })
}

fn related(label: &Label) -> Value {
    json!({
        "line": label.span.start.line,
        "column": label.span.start.column,
        "span": span(label.span),
        "label": label.text,
    })
}

fn span(span: Span) -> Value {
    json!({
        "start_byte": span.start.byte,
        "end_byte": span.end.byte,
        "end_line": span.end.line,
        "end_column": span.end.column,
    })
}
