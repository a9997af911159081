//! Taking a target's bytes apart.

/// Bytes that are taken from the front; what isn't there counts as zero.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(super) fn half(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// As many bytes as there are, `count` at most.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes behind their length.
    pub(super) fn part(&mut self) -> &'a [u8] {
        let count = self.half();
        self.take(count.into())
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }
}
