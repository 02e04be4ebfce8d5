//! When each write can have happened, in events: kept only where the offsets are to order the writes.

/// No event limits it.
pub(super) const NEVER: u32 = u32::MAX;

/// A span of events for each write.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    earliest: Vec<u32>,
    latest: Vec<u32>,
    /// Operations that wrote several records: from one write, so many. In order.
    several: Vec<(u32, u32)>,
}

impl Spans {
    /// An operation begins so many writes, from this one on.
    pub(crate) fn begin(&mut self, event: u64, first: u32, writes: u32) {
        let event = narrow(event);
        for _ in 0..writes {
            self.earliest.push(event);
            self.latest.push(NEVER);
        }
        if writes > 1 {
            self.several.push((first, writes));
        }
    }

    /// It is over: what it wrote was there by then, if it succeeded; and where it read anything it takes its place
    /// at its end.
    pub(crate) fn end(&mut self, event: u64, first: u32, succeeded: bool, reads: bool) {
        let head = self.head(first) as usize;
        if succeeded {
            self.latest[head] = narrow(event);
        }
        if reads {
            self.earliest[head] = narrow(event);
        }
    }

    /// The first write of the operation that a write belongs to.
    pub(super) fn head(&self, write: u32) -> u32 {
        let next = self.several.partition_point(|(first, _)| *first <= write);
        match next.checked_sub(1).map(|place| self.several[place]) {
            Some((first, writes)) if write - first < writes => first,
            _ => write,
        }
    }

    pub(super) fn earliest(&self) -> &[u32] {
        &self.earliest
    }

    pub(super) fn latest(&self, head: u32) -> u32 {
        self.latest[head as usize]
    }
}

fn narrow(event: u64) -> u32 {
    let event = u32::try_from(event).unwrap_or(NEVER);
    assert!(event < NEVER, "more events than 32 bits can number");
    event
}
