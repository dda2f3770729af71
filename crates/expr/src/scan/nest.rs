//! Which brackets are open, one bit each: no allocation below 65 levels, and no recursion at any depth.

/// The open brackets as bits: set for an object. The last 64 are in `low`, older ones in `high`.
#[derive(Default)]
pub(super) struct Nest {
    depth: usize,
    low: u64,
    high: Vec<u64>,
}

impl Nest {
    pub(super) fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.high.push(self.low);
        }
        self.low = (self.low << 1) | u64::from(object);
        self.depth += 1;
    }

    pub(super) fn pop(&mut self) {
        self.depth -= 1;
        self.low >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.low = self.high.pop().unwrap_or_default();
        }
    }

    #[inline]
    pub(super) fn top(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.low & 1 == 1)
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }
}
