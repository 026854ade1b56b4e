//! Every code, with a line about it: one table for `explain`, SARIF and the documentation.

/// A code and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Such as `PR0103`.
    pub code: &'static str,
    /// One line about it.
    pub about: &'static str,
}

const fn code(code: &'static str, about: &'static str) -> Code {
    Code { code, about }
}

/// All codes. `PR00..` concern the file, `PR01..` what it says, `PR02..` the compiled classes, and
/// `PR03..` are warnings.
pub const CODES: &[Code] = &[
    code(
        "PR0001",
        "There is no configuration file at the path, nor at the usual ones.",
    ),
    code("PR0002", "The file exists and cannot be read."),
    code("PR0003", "The path is a directory."),
    code("PR0004", "The file is larger than 4 MiB."),
    code("PR0005", "The file is not UTF-8."),
    code("PR0006", "The file is empty."),
    code(
        "PR0101",
        "The file is not YAML; nothing behind the error was checked.",
    ),
    code(
        "PR0102",
        "The file has more than one document; only one can count.",
    ),
    code(
        "PR0103",
        "A key that does not exist, often a misspelling or another system's word.",
    ),
    code("PR0104", "Lists and mappings nest deeper than 128 levels."),
    code(
        "PR0105",
        "The file has too many values once its aliases are followed.",
    ),
    code("PR0106", "An alias stands inside its own anchor."),
    code("PR0107", "A tag or number that has no meaning here."),
    code("PR0108", "A key is a list or a mapping."),
    code("PR0109", "`<<` merges something that is no mapping."),
    code(
        "PR0110",
        "A key is given twice; YAML would silently drop one of them.",
    ),
    code("PR0111", "A value of the wrong type."),
    code("PR0112", "A value out of its range."),
    code("PR0113", "Something is missing."),
    code("PR0114", "A duration that cannot be read."),
    code(
        "PR0115",
        "A name that is unsafe in keys of etcd and in JOB@INDEX.",
    ),
    code("PR0116", "Two settings exclude each other."),
    code("PR0117", "A `${…}` of no known form."),
    code("PR0118", "An environment variable that must be set is not."),
    code("PR0119", "The chosen environment does not exist."),
    code("PR0120", "There are no jobs."),
    code(
        "PR0121",
        "An endpoint is not the address of an etcd member.",
    ),
    code("PR0122", "The prefix is not a key prefix."),
    code("PR0123", "A minimum is greater than its maximum."),
    code("PR0201", "No job class of that name is registered."),
    code("PR0202", "The class has no option of that name."),
    code("PR0203", "The value of an option does not fit the class."),
    code("PR0204", "The class needs an option that is not given."),
    code("PR0301", "A short lease is lost to a moment of trouble."),
    code(
        "PR0302",
        "A timeout that is never reached, because a shorter one comes first.",
    ),
    code(
        "PR0303",
        "Certificates without an https endpoint are not used.",
    ),
    code(
        "PR0304",
        "A job asks for labels that the only machine there is does not have.",
    ),
];

/// The line about `code`.
pub fn explain(code: &str) -> Option<&'static str> {
    CODES
        .iter()
        .find(|row| row.code == code)
        .map(|row| row.about)
}
