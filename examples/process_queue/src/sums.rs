//! Results in the format of `sha256sum`, so that anybody can check them with a tool of their own.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::digest::Digest;

/// Writes one line for `sha256sum --check`.
///
/// A name with a backslash or a line break in it is escaped, and the line then begins with a
/// backslash, as `sha256sum` does it. Names are bytes and go out as they are.
///
/// # Errors
///
/// Those of `out`.
pub fn write_line(out: &mut impl Write, path: &Path, digest: &Digest) -> io::Result<()> {
    let name = path.as_os_str().as_bytes();
    if name.iter().any(|byte| escape(*byte).is_some()) {
        out.write_all(b"\\")?;
    }
    write!(out, "{}  ", digest.sha256)?;
    for byte in name {
        match escape(*byte) {
            Some(escaped) => out.write_all(escaped)?,
            None => out.write_all(&[*byte])?,
        }
    }
    out.write_all(b"\n")
}

fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'\\' => Some(b"\\\\"),
        b'\n' => Some(b"\\n"),
        b'\r' => Some(b"\\r"),
        _ => None,
    }
}
