//! What ran when, as the iterations wrote it down.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use process_runner::Clock;
use process_runner::model::Moment;

/// What is looked at while the cluster runs: the last seconds.
const TAIL: u64 = 512 * 1024;
/// A slot whose last word is older than this, in nanoseconds, does not run.
const SILENCE: u64 = 500_000_000;

pub(crate) struct History {
    file: PathBuf,
}

struct Line {
    begins: bool,
    index: u32,
    node: String,
    at: u64,
}

impl History {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("history"),
        }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The slots that run on `node`.
    pub(crate) fn held_by(&self, node: &str) -> Result<BTreeSet<u32>, Box<dyn Error>> {
        let mut last = BTreeMap::new();
        for line in self.read(TAIL)? {
            last.insert(line.index, (line.node, line.at));
        }
        let now = Clock::boot().now().as_nanos();
        let held = last
            .into_iter()
            .filter(|(_, (holder, at))| holder == node && at + SILENCE > now);
        Ok(held.map(|(index, _)| index).collect())
    }

    /// For each slot, the milliseconds from `since` to its first iteration on another node than
    /// `lost`; `None` while one is missing.
    pub(crate) fn gaps(
        &self,
        slots: &BTreeSet<u32>,
        lost: &str,
        since: Moment,
    ) -> Result<Option<Vec<f64>>, Box<dyn Error>> {
        let since = since.as_nanos();
        let mut begun: BTreeMap<u32, u64> = BTreeMap::new();
        for line in self.read(TAIL)? {
            let elsewhere = line.begins && line.at > since && line.node != lost;
            if elsewhere && slots.contains(&line.index) {
                begun.entry(line.index).or_insert(line.at);
            }
        }
        let gaps = begun.values().map(|at| (at - since) as f64 / 1e6).collect();
        Ok((begun.len() == slots.len()).then_some(gaps))
    }

    /// How many iterations began while another one of the same slot ran.
    pub(crate) fn overlaps(&self) -> Result<usize, Box<dyn Error>> {
        let mut slots: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
        for line in self.read(u64::MAX)? {
            slots.entry(line.index).or_default().push(line);
        }
        let mut overlaps = 0;
        for lines in slots.values_mut() {
            lines.sort_by_key(|line| line.at);
            // Whoever began last is who may end; the dead do neither.
            let mut running = "";
            for line in lines.iter() {
                if line.begins {
                    running = &line.node;
                } else if line.node != running {
                    overlaps += 1;
                }
            }
        }
        Ok(overlaps)
    }

    /// The last `bytes` of it.
    fn read(&self, bytes: u64) -> Result<Vec<Line>, Box<dyn Error>> {
        let Ok(mut file) = File::open(&self.file) else {
            return Ok(Vec::new());
        };
        let from = file.metadata()?.len().saturating_sub(bytes);
        file.seek(SeekFrom::Start(from))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // The first one may be half a line.
        let lines = text.lines().skip(usize::from(from > 0));
        Ok(lines.filter_map(Line::parse).collect())
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<_> = line.split(' ').collect();
        let [what, index, node, at] = words[..] else {
            return None;
        };
        Some(Self {
            begins: what == "begin",
            index: index.parse().ok()?,
            node: node.to_owned(),
            at: at.parse().ok()?,
        })
    }
}
