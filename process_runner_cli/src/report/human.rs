//! For people: the message, the lines it is about, what to do.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use process_runner::config::{Label, Problem, Problems, Severity};

use super::file;

/// Places further apart than this get a snippet each.
const SAME_SNIPPET: u32 = 8;
/// More text than this is no line of a file but a file without lines.
const MAX_SNIPPET: usize = 4_000;

/// Writes every problem, a blank line between two.
pub(super) fn render(problems: &Problems, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let lines = Lines::of(&problems.text);
    let path = file(problems);
    let mut out = String::new();
    for problem in &problems.list {
        let group = group(problem, &path, &lines);
        out += &renderer.render(&[group]);
        out += "\n\n";
    }
    match problems.omitted {
        0 => drop(out.pop()),
        more => out += &format!("{more} more problems are not shown\n"),
    }
    out
}

fn group<'a>(problem: &'a Problem, path: &'a str, lines: &Lines<'a>) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(problem.message.as_str())
        .id(problem.code);
    let mut group = Group::with_title(title);
    match &problem.primary {
        None => group = group.element(Origin::path(path)),
        Some(primary) => {
            for snippet in snippets(primary, &problem.secondary) {
                group = draw(group, &snippet, path, lines);
            }
        }
    }
    for note in &problem.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

/// Labels that are drawn into one snippet, with what each of them is.
type Drawn<'a> = Vec<(AnnotationKind, &'a Label)>;

fn snippets<'a>(primary: &'a Label, secondary: &'a [Label]) -> Vec<Drawn<'a>> {
    let mut snippets = vec![vec![(AnnotationKind::Primary, primary)]];
    for label in secondary {
        let near = label.span.start.line.abs_diff(primary.span.start.line) <= SAME_SNIPPET;
        if near {
            snippets[0].push((AnnotationKind::Context, label));
        } else {
            snippets.push(vec![(AnnotationKind::Context, label)]);
        }
    }
    snippets
}

fn draw<'a>(group: Group<'a>, labels: &Drawn<'a>, path: &'a str, lines: &Lines<'a>) -> Group<'a> {
    let rows = || labels.iter().map(|(_, label)| label.span.start.line);
    let first = rows().min().unwrap_or(1);
    let (start, text) = lines.window(first, rows().max().unwrap_or(1));
    if text.len() > MAX_SNIPPET {
        return labels.iter().fold(group, |group, (_, label)| {
            let at = label.span.start;
            let origin = Origin::path(path).line(at.line as usize);
            let group = group.element(origin.char_column(at.column as usize));
            if label.text.is_empty() {
                group
            } else {
                group.element(Level::NOTE.message(label.text.as_str()))
            }
        });
    }
    let snippet = Snippet::source(text).path(path).line_start(first as usize);
    group.element(
        snippet.annotations(
            labels
                .iter()
                .map(|(kind, label)| annotation(*kind, label, start, text)),
        ),
    )
}

fn annotation<'a>(
    kind: AnnotationKind,
    label: &'a Label,
    start: usize,
    text: &str,
) -> Annotation<'a> {
    let within = |byte: usize| byte.saturating_sub(start).min(text.len());
    let span = within(label.span.start.byte)..within(label.span.end.byte);
    let annotation = kind.span(span);
    if label.text.is_empty() {
        annotation
    } else {
        annotation.label(label.text.as_str())
    }
}

/// The lines of the file, found once for all problems.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after).collect();
        Self { text, starts }
    }

    /// Lines `first` to `last`, from 1, and the offset of the first.
    fn window(&self, first: u32, last: u32) -> (usize, &'a str) {
        let start = |line: u32| {
            self.starts
                .get(line as usize)
                .copied()
                .unwrap_or(self.text.len())
        };
        let (from, to) = (start(first.saturating_sub(1)), start(last));
        (from, self.text.get(from..to).unwrap_or_default())
    }
}
