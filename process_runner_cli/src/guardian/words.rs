//! What guardian and worker process say to each other, a packet each.
//!
//! | from | packet | means |
//! |---|---|---|
//! | guardian | `start 2 17,18` | two crashes lately, leases 17 and 18 may still be there; brings the standard input along |
//! | guardian | `stop 2` | asked to stop for the second time, and so on |
//! | worker | `report 17 123456789 suspended` | its lease (0 for none), its deadline, `suspended` or `live` |
//! | worker | `end 0` | it ends by itself, with this exit code |
//!
//! How often something was asked for is said as a number, not by repeating it: a signal to the whole
//! process group, or from a service manager to all processes of a service, reaches both, and must
//! count once.

use std::fmt;

use process_runner::model::Moment;
use process_runner::supervision::{Predecessors, Report};

/// No packet is longer. So many bytes name about 50 leases; one is usual.
pub(super) const LONGEST: usize = 1024;
/// More leases than this are left to run out.
pub(super) const MOST_LEASES: usize = 16;

/// What the guardian says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Asked to stop so often.
    Stop(u32),
    Quiet,
    Resume,
    /// Asked for the worker table so often.
    Dump(u32),
    /// Asked to read the configuration again so often.
    HangUp(u32),
}

/// What the worker process says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Report(Report),
    /// It ends by itself.
    End(u8),
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop(times) => write!(f, "stop {times}"),
            Self::Quiet => f.write_str("quiet"),
            Self::Resume => f.write_str("resume"),
            Self::Dump(times) => write!(f, "dump {times}"),
            Self::HangUp(times) => write!(f, "hang-up {times}"),
        }
    }
}

impl Order {
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let text = str::from_utf8(packet).ok()?;
        let (what, times) = text.split_once(' ').unwrap_or((text, "0"));
        let times = times.parse().ok()?;
        match what {
            "stop" => Some(Self::Stop(times)),
            "quiet" => Some(Self::Quiet),
            "resume" => Some(Self::Resume),
            "dump" => Some(Self::Dump(times)),
            "hang-up" => Some(Self::HangUp(times)),
            _ => None,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End(code) => write!(f, "end {code}"),
            Self::Report(report) => {
                let until = report.valid_until.as_nanos();
                let state = if report.suspended {
                    "suspended"
                } else {
                    "live"
                };
                match report.lease {
                    Some(lease) => write!(f, "report {lease} {until} {state}"),
                    None => write!(f, "report 0 {until} {state}"),
                }
            }
        }
    }
}

impl Word {
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let words: Vec<_> = str::from_utf8(packet).ok()?.split(' ').collect();
        match words[..] {
            ["end", code] => code.parse().ok().map(Self::End),
            ["report", lease, until, state] => Some(Self::Report(Report {
                lease: match lease {
                    "0" => None,
                    lease => Some(lease.parse().ok()?),
                },
                valid_until: Moment::from_nanos(until.parse().ok()?),
                suspended: match state {
                    "suspended" => true,
                    "live" => false,
                    _ => return None,
                },
            })),
            _ => None,
        }
    }
}

/// The first packet, for the worker process.
pub(super) fn start(predecessors: &Predecessors) -> String {
    let leases = predecessors.leases.iter().rev().take(MOST_LEASES);
    let leases: Vec<_> = leases.map(ToString::to_string).collect();
    format!("start {} {}", predecessors.crashes, leases.join(","))
}

/// Reads the first packet.
pub(super) fn parse_start(packet: &[u8]) -> Option<Predecessors> {
    let text = str::from_utf8(packet).ok()?.strip_prefix("start ")?;
    let (crashes, leases) = text.split_once(' ')?;
    let leases = leases.split(',').filter(|lease| !lease.is_empty());
    Some(Predecessors {
        crashes: crashes.parse().ok()?,
        leases: leases
            .map(|lease| lease.parse().ok())
            .collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_understood() {
        for order in [
            Order::Stop(2),
            Order::Quiet,
            Order::Resume,
            Order::Dump(1),
            Order::HangUp(3),
        ] {
            let packet = order.to_string();
            assert_eq!(Order::parse(packet.as_bytes()), Some(order), "{packet}");
        }
        let report = Report {
            lease: "4611686018427387903".parse().ok(),
            valid_until: Moment::from_nanos(5),
            suspended: false,
        };
        for word in [
            Word::End(75),
            Word::Report(report),
            Word::Report(Report::default()),
        ] {
            let packet = word.to_string();
            assert_eq!(Word::parse(packet.as_bytes()), Some(word), "{packet}");
        }
        let predecessors = Predecessors {
            crashes: 2,
            leases: vec!["17".parse().unwrap()],
        };
        let read = parse_start(start(&predecessors).as_bytes()).unwrap();
        assert_eq!((read.crashes, read.leases), (2, predecessors.leases));
        let none = parse_start(start(&Predecessors::default()).as_bytes()).unwrap();
        assert_eq!(none.leases, []);
    }

    #[test]
    fn no_packet_is_too_long() {
        let predecessors = Predecessors {
            crashes: u32::MAX,
            leases: vec![i64::MAX.to_string().parse().unwrap(); 1000],
        };
        assert!(start(&predecessors).len() <= LONGEST);
    }

    #[test]
    fn anything_else_is_not_understood() {
        for packet in [
            "",
            "stop",
            "stop x",
            "report 1 2",
            "report 1 2 maybe",
            "end 999",
        ] {
            assert_eq!(Word::parse(packet.as_bytes()), None, "{packet}");
        }
        assert_eq!(Order::parse(b"stop x"), None);
        assert_eq!(Order::parse(b"\xff"), None);
        assert!(parse_start(b"start 1 2,x").is_none());
    }
}
