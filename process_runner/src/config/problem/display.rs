//! Problems as plain text, for logs and tests: the same shape as on a terminal, without colour.

use std::fmt::{self, Write};

use super::{Label, Problem, Problems, Severity};

/// Snippets are cut to this many characters; a minified file is one endless line.
const WIDTH: usize = 160;

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.list.iter().enumerate() {
            if at > 0 {
                f.write_char('\n')?;
            }
            self.show(f, problem)?;
        }
        if self.omitted > 0 {
            write!(f, "\n{} more problems are not shown\n", self.omitted)?;
        }
        Ok(())
    }
}

impl Problems {
    fn show(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let Problem {
            code,
            severity,
            message,
            ..
        } = problem;
        writeln!(f, "{severity}[{code}]: {message}")?;
        let path = self.path.display();
        match &problem.primary {
            None => writeln!(f, "  --> {path}")?,
            Some(label) => {
                let start = label.span.start;
                writeln!(f, "  --> {path}:{}:{}", start.line, start.column)?;
                self.snippet(f, label, '^')?;
            }
        }
        for label in &problem.secondary {
            self.snippet(f, label, '-')?;
        }
        for note in &problem.notes {
            writeln!(f, "  = note: {note}")?;
        }
        match &problem.help {
            Some(help) => writeln!(f, "  = help: {help}"),
            None => Ok(()),
        }
    }

    fn snippet(&self, f: &mut fmt::Formatter<'_>, label: &Label, mark: char) -> fmt::Result {
        let Label { span, text } = label;
        let line = self.line(span.start.line).chars().take(WIDTH);
        // A terminal must not be steered by the file.
        let line: String = line.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let width = span.end.column.saturating_sub(span.start.column).max(1);
        let indent = (span.start.column.saturating_sub(1) as usize).min(WIDTH);
        let marks = (width as usize).min(WIDTH - indent.min(WIDTH - 1));
        writeln!(f, "{:>4} | {}", span.start.line, line.trim_end())?;
        let marks = mark.to_string().repeat(marks);
        let line = format!("     | {:indent$}{marks} {text}", "");
        writeln!(f, "{}", line.trim_end())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.primary {
            let start = label.span.start;
            write!(f, "{}:{}: ", start.line, start.column)?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}
