//! `queue-report`: how far the queue has come, from outside the runner.
//!
//! ```text
//! queue-report           one line of JSON: counts of records by state, and bytes
//! queue-report sums      the results, a line each, for `sha256sum --check`
//! queue-report failed    the records that could not be processed, with the reason
//! ```
//!
//! It opens the same `DATABASE_URL` as the job and reads only.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use process_queue::store::{Progress, Store};
use process_queue::sums;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let what = std::env::args().nth(1);
    match report(what.as_deref()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is all this program has for saying so.
            let cause = error
                .source()
                .map_or_else(String::new, |cause| format!(": {cause}"));
            let _ = writeln!(io::stderr(), "queue-report: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}

async fn report(what: Option<&str>) -> Result<(), Box<dyn Error>> {
    let store = Store::from_env().await?;
    let mut out = BufWriter::new(io::stdout().lock());
    match what {
        None => write_progress(&mut out, store.progress().await?)?,
        Some("sums") => {
            for (path, result) in store.finished().await? {
                if let Ok(digest) = result {
                    sums::write_line(&mut out, &path, &digest)?;
                }
            }
        }
        Some("failed") => {
            for (path, result) in store.finished().await? {
                if let Err(reason) = result {
                    writeln!(out, "{}: {reason}", path.display())?;
                }
            }
        }
        Some(other) => return Err(format!("`{other}` is not one of: sums, failed").into()),
    }
    out.flush()?;
    Ok(())
}

fn write_progress(out: &mut impl Write, p: Progress) -> io::Result<()> {
    writeln!(
        out,
        r#"{{"v":1,"pending":{},"locked":{},"done":{},"failed":{},"bytes":{}}}"#,
        p.pending, p.locked, p.done, p.failed, p.bytes
    )
}
