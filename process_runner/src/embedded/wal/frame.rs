//! The log file's frames: what one fsync makes safe.
//!
//! ```text
//! file  = magic (8) version (4) crc (4) frame*
//! frame = length (4) payload crc (4) number (4) header crc (4) payload END (4)
//! ```
//!
//! Integers are little-endian. A frame is written only after the fsync of the one before has returned, so a crash can
//! tear **the last frame only**. That tells a torn tail, which nobody was promised, from damage to what was: the last
//! frame is torn when it is cut short by the end of the file, or when a part of it never reached the disk and reads as
//! zeros. Anything else, and anything with a whole frame behind it, is damage, and damage is never cut away.

use std::ops::Range;

/// The first bytes of every log file.
pub(super) const MAGIC: [u8; 8] = *b"prEtcd\r\n";

/// The format this code writes, and the newest it reads.
pub(super) const VERSION: u32 = 1;

/// The length of what comes before the first frame.
pub(super) const PREAMBLE: usize = 16;

const HEADER: usize = 16;
const END: [u8; 4] = *b"END\n";
const SECTOR: usize = 512;

/// What stands at a place of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A good frame: its payload, and where the next one begins.
    Frame { payload: Range<usize>, next: usize },
    /// The end of the file.
    End,
    /// A frame that a crash tore, to be cut away.
    Torn,
    /// Damage.
    Damaged(&'static str),
}

/// What is wrong with the beginning of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadPreamble {
    Magic,
    Damaged,
    Newer(u32),
}

/// The beginning of every log file.
pub(super) fn preamble() -> [u8; PREAMBLE] {
    let mut bytes = [0; PREAMBLE];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Checks the beginning of a file.
pub(super) fn check_preamble(bytes: &[u8]) -> Result<(), BadPreamble> {
    if bytes.get(..8) != Some(&MAGIC) {
        return Err(BadPreamble::Magic);
    }
    let (Some(version), Some(crc)) = (u32_at(bytes, 8), u32_at(bytes, 12)) else {
        return Err(BadPreamble::Damaged);
    };
    if crc != crc32fast::hash(&bytes[..12]) {
        return Err(BadPreamble::Damaged);
    }
    if version > VERSION {
        return Err(BadPreamble::Newer(version));
    }
    Ok(())
}

/// Appends a frame with `payload` to `out`.
pub(super) fn write(out: &mut Vec<u8>, payload: &[u8], number: u32) {
    let start = out.len();
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    let crc = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(&END);
}

/// Reads the frame at `at`, which must have this number.
pub(super) fn read(bytes: &[u8], at: usize, number: u32) -> Next {
    let rest = &bytes[at..];
    if rest.is_empty() {
        return Next::End;
    }
    let Some(header) = rest.get(..HEADER) else {
        return Next::Torn;
    };
    if u32_at(header, 12) != Some(crc32fast::hash(&header[..12])) {
        let missing = header.iter().all(|&byte| byte == 0);
        return torn_if(missing && !frame_behind(bytes, at), "a bad frame header");
    }
    if u32_at(header, 8) != Some(number) {
        return Next::Damaged("a frame out of order");
    }
    let length = u32_at(header, 0).unwrap_or(0) as usize;
    let Some(frame) = rest.get(..HEADER + length + END.len()) else {
        return Next::Torn;
    };
    let payload = &frame[HEADER..HEADER + length];
    let end = &frame[HEADER + length..];
    let whole = u32_at(header, 4) == Some(crc32fast::hash(payload)) && end == END;
    if whole {
        let start = at + HEADER;
        return Next::Frame {
            payload: start..start + length,
            next: at + frame.len(),
        };
    }
    let last = rest[frame.len()..].iter().all(|&byte| byte == 0);
    let missing = end == [0; 4] || missing_sector(frame, at);
    torn_if(last && missing, "a bad checksum")
}

fn torn_if(torn: bool, what: &'static str) -> Next {
    match torn {
        true => Next::Torn,
        false => Next::Damaged(what),
    }
}

/// Whether a whole sector inside the frame reads as zeros.
fn missing_sector(frame: &[u8], at: usize) -> bool {
    let first = at.next_multiple_of(SECTOR) - at;
    frame
        .get(first..)
        .unwrap_or_default()
        .chunks_exact(SECTOR)
        .any(|sector| sector.iter().all(|&byte| byte == 0))
}

/// Whether any good frame header stands behind `at`.
fn frame_behind(bytes: &[u8], at: usize) -> bool {
    (at + 1..bytes.len().saturating_sub(HEADER - 1)).any(|start| {
        let header = &bytes[start..start + HEADER];
        header[..12] != [0; 12] && u32_at(header, 12) == Some(crc32fast::hash(&header[..12]))
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    four.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, payload) in payloads.iter().enumerate() {
            write(&mut out, payload, u32::try_from(number).unwrap());
        }
        out
    }

    #[test]
    fn a_frame_reads_back_and_any_prefix_of_it_is_torn() {
        let bytes = frames(&[b"hello"]);
        let whole = Next::Frame {
            payload: 16..21,
            next: 25,
        };
        assert_eq!(read(&bytes, 0, 0), whole);
        assert_eq!(read(&bytes, 25, 1), Next::End);
        for cut in 1..bytes.len() {
            assert_eq!(read(&bytes[..cut], 0, 0), Next::Torn, "{cut}");
        }
    }

    #[test]
    fn a_flipped_bit_is_damage_in_the_last_frame_too() {
        let bytes = frames(&[b"hello"]);
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(read(&bad, 0, 0), Next::Damaged(_)), "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_torn_at_the_end_and_damage_before_a_frame() {
        let mut bytes = frames(&[&[7; 2000]]);
        bytes[512..1024].fill(0);
        assert_eq!(read(&bytes, 0, 0), Next::Torn);
        write(&mut bytes, b"next", 1);
        assert!(matches!(read(&bytes, 0, 0), Next::Damaged(_)));
        let mut bytes = frames(&[b"one", b"two"]);
        bytes[..16].fill(0);
        assert!(matches!(read(&bytes, 0, 0), Next::Damaged(_)));
        assert_eq!(read(&[0; 100], 0, 0), Next::Torn);
    }

    #[test]
    fn a_preamble_tells_foreign_damaged_and_newer_files() {
        let good = preamble();
        assert_eq!(check_preamble(&good), Ok(()));
        assert_eq!(check_preamble(b"#!/bin/sh"), Err(BadPreamble::Magic));
        assert_eq!(check_preamble(&good[..12]), Err(BadPreamble::Damaged));
        let mut newer = good;
        newer[8] = 9;
        assert_eq!(check_preamble(&newer), Err(BadPreamble::Damaged));
        let crc = crc32fast::hash(&newer[..12]);
        newer[12..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(check_preamble(&newer), Err(BadPreamble::Newer(9)));
    }
}
