//! `${VAR}`, `${VAR:-default}` and `${VAR:?message}`, replaced inside scalars after parsing.
//!
//! A value can therefore never break out of its scalar. A quoted scalar stays a string; a plain
//! one is typed again, so `workers: ${N:-4}` is a number. What was replaced is secret from then
//! on. `$${` stands for a literal `${`; a `$` before anything else is just a `$`.

use super::problem::Problem;
use super::scalar;
use super::tree::{Node, Value};

/// How deep defaults may nest: `${A:-${B:-c}}` is two.
const MAX_NESTING: u32 = 8;

/// The process environment, as a function so that tests bring their own.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces every template in `node`.
pub(super) fn apply(node: &mut Node, env: Environment<'_>, problems: &mut Vec<Problem>) {
    match &mut node.value {
        Value::List(items) => {
            for item in items {
                apply(item, env, problems);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                apply(&mut entry.node, env, problems);
            }
        }
        Value::Template { text, plain } => {
            let replaced = Replacer { env, used: false }.replace(text, 0);
            match replaced {
                Ok((text, used)) => {
                    node.value = typed(text, *plain);
                    node.replaced = used;
                    node.secret |= used;
                }
                Err(error) => {
                    problems.push(error.problem(node));
                    node.value = Value::Broken;
                }
            }
        }
        _ => {}
    }
}

fn typed(text: String, plain: bool) -> Value {
    if plain {
        scalar::plain(&text).unwrap_or(Value::Text(text))
    } else {
        Value::Text(text)
    }
}

/// Why a template cannot be replaced.
enum Error {
    Unclosed,
    BadForm(String),
    TooDeep,
    Unset(String),
    Required(String, String),
}

impl Error {
    fn problem(self, node: &Node) -> Problem {
        let span = node.used_at.unwrap_or(node.span);
        let form = |message: String| {
            Problem::at("PR0117", span, message)
                .help("write `${VAR}`, `${VAR:-default}` or `${VAR:?message}`, and `$${` for a literal `${`")
        };
        match self {
            Self::Unclosed => form("a `${` is never closed".to_owned()),
            Self::TooDeep => form("defaults nest too deep".to_owned()),
            Self::BadForm(_) if node.secret => form("a `${…}` is of no known form".to_owned()),
            Self::BadForm(body) => form(format!("`${{{body}}}` is of no known form")),
            Self::Unset(name) => Problem::at(
                "PR0118",
                span,
                format!("the environment variable `{name}` is not set"),
            )
            .help(format!(
                "set it, give a default: `${{{name}:-…}}`, or write `$${{{name}}}` to keep it as text"
            )),
            Self::Required(name, message) => {
                let text = if message.is_empty() {
                    "it must be set".to_owned()
                } else {
                    message
                };
                Problem::at(
                    "PR0118",
                    span,
                    format!("the environment variable `{name}` is not set"),
                )
                .label(span, text)
            }
        }
    }
}

struct Replacer<'a> {
    env: Environment<'a>,
    used: bool,
}

impl Replacer<'_> {
    fn replace(mut self, text: &str, depth: u32) -> Result<(String, bool), Error> {
        let text = self.text(text, depth)?;
        Ok((text, self.used))
    }

    fn text(&mut self, mut rest: &str, depth: u32) -> Result<String, Error> {
        let mut out = String::new();
        while let Some(at) = rest.find("${") {
            let (before, after) = (&rest[..at], &rest[at + 2..]);
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            let end = closing(after).ok_or(Error::Unclosed)?;
            out.push_str(before);
            out.push_str(&self.variable(&after[..end], depth)?);
            rest = &after[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn variable(&mut self, body: &str, depth: u32) -> Result<String, Error> {
        if depth >= MAX_NESTING {
            return Err(Error::TooDeep);
        }
        self.used = true;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = body.find(|c| !is_name(c)).unwrap_or(body.len());
        let (name, rest) = body.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Error::BadForm(clipped(body)));
        }
        let value = (self.env)(name);
        let filled = value.clone().filter(|value| !value.is_empty());
        if rest.is_empty() {
            value.ok_or_else(|| Error::Unset(name.to_owned()))
        } else if let Some(default) = rest.strip_prefix(":-") {
            filled.map_or_else(|| self.text(default, depth + 1), Ok)
        } else if let Some(message) = rest.strip_prefix(":?") {
            filled.ok_or_else(|| Error::Required(name.to_owned(), clipped(message)))
        } else {
            Err(Error::BadForm(clipped(body)))
        }
    }
}

/// The `}` that closes what was opened just before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_u32;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(text: &str) -> Result<String, &'static str> {
        let env = |name: &str| match name {
            "A" => Some("alpha".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let replaced = Replacer {
            env: &env,
            used: false,
        }
        .replace(text, 0);
        replaced.map(|(text, _)| text).map_err(|error| match error {
            Error::Unclosed => "unclosed",
            Error::BadForm(_) => "form",
            Error::TooDeep => "deep",
            Error::Unset(_) => "unset",
            Error::Required(..) => "required",
        })
    }

    #[test]
    fn replaces_the_three_forms() {
        assert_eq!(replace("<${A}>").as_deref(), Ok("<alpha>"));
        assert_eq!(replace("${EMPTY}").as_deref(), Ok(""));
        assert_eq!(replace("${EMPTY:-x}").as_deref(), Ok("x"));
        assert_eq!(replace("${NO:-}").as_deref(), Ok(""));
        assert_eq!(replace("${NO:-a ${A} b}").as_deref(), Ok("a alpha b"));
        assert_eq!(replace("${A:?m}").as_deref(), Ok("alpha"));
        assert_eq!(replace("${A}${A}").as_deref(), Ok("alphaalpha"));
    }

    #[test]
    fn leaves_other_dollars_alone() {
        assert_eq!(replace("$A $$ $ 5$").as_deref(), Ok("$A $$ $ 5$"));
        assert_eq!(replace("$${A} ${A}").as_deref(), Ok("${A} alpha"));
    }

    #[test]
    fn refuses_the_rest() {
        assert_eq!(replace("${NO}"), Err("unset"));
        assert_eq!(replace("${EMPTY:?m}"), Err("required"));
        assert_eq!(replace("${A"), Err("unclosed"));
        assert_eq!(replace("${A%x}"), Err("form"));
        assert_eq!(replace("${}"), Err("form"));
        let bomb = "${N:-".repeat(10_000) + &"}".repeat(10_000);
        assert_eq!(replace(&bomb), Err("deep"));
    }
}
