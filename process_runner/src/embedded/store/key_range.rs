//! Which keys a request means.
//!
//! etcd's rule: an empty `range_end` means the one key; a `range_end` of a single zero byte means every key from `key`
//! on; anything else is the half-open interval `[key, range_end)`, empty when the end does not lie behind the start.

use std::ops::Bound;

/// Where a range begins and ends, for an ordered map.
type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// The keys named by a `key` and `range_end` pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRange<'a> {
    key: &'a [u8],
    range_end: &'a [u8],
}

impl<'a> KeyRange<'a> {
    /// The range of a request, exactly as it came in.
    pub(crate) fn new(key: &'a [u8], range_end: &'a [u8]) -> Self {
        Self { key, range_end }
    }

    /// One key only.
    pub(crate) fn one(key: &'a [u8]) -> Self {
        Self::new(key, &[])
    }

    /// Whether the range has no upper end.
    fn open(self) -> bool {
        self.range_end == [0]
    }

    /// Whether `key` is meant.
    pub(crate) fn contains(self, key: &[u8]) -> bool {
        if self.range_end.is_empty() {
            return key == self.key;
        }
        key >= self.key && (self.open() || key < self.range_end)
    }

    /// Bounds for an ordered map, or `None` when no key can be meant.
    pub(crate) fn bounds(self) -> Option<Bounds<'a>> {
        let from = Bound::Included(self.key);
        if self.range_end.is_empty() {
            return Some((from, Bound::Included(self.key)));
        }
        if self.open() {
            return Some((from, Bound::Unbounded));
        }
        (self.key < self.range_end).then_some((from, Bound::Excluded(self.range_end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_end_is_one_key_and_a_zero_byte_is_no_end() {
        let one = KeyRange::new(b"a", b"");
        assert!(one.contains(b"a") && !one.contains(b"a\0") && !one.contains(b"b"));
        let open = KeyRange::new(b"b", b"\0");
        assert!(open.contains(b"b") && open.contains(b"\xff\xff") && !open.contains(b"a"));
    }

    #[test]
    fn the_end_is_excluded_and_an_inverted_range_means_nothing() {
        let range = KeyRange::new(b"a", b"c");
        assert!(range.contains(b"a") && range.contains(b"bz") && !range.contains(b"c"));
        assert!(KeyRange::new(b"c", b"a").bounds().is_none());
        assert!(KeyRange::new(b"a", b"a").bounds().is_none());
        assert!(!KeyRange::new(b"c", b"a").contains(b"b"));
    }
}
