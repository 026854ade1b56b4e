//! `protoc`, which the build of etcd-client calls.

use super::{Variables, from_environment, on_path};
use crate::error::{Error, Result};

/// Nothing if cargo will find a `protoc` by itself; else the one that a dependency ships.
///
/// An unneeded variable would make cargo build etcd-client again.
pub(super) fn variables() -> Result<Variables> {
    if from_environment("PROTOC").is_some() || on_path("protoc").next().is_some() {
        return Ok(Vec::new());
    }
    let shipped = protoc_bin_vendored::protoc_bin_path().and_then(|program| {
        let include = protoc_bin_vendored::include_path()?;
        Ok(vec![
            ("PROTOC", program.into_os_string()),
            ("PROTOC_INCLUDE", include.into_os_string()),
        ])
    });
    shipped.map_err(|_| Error::Missing {
        program: "protoc",
        advice: "install your system's protobuf compiler (Debian: protobuf-compiler)",
    })
}
