//! The dependencies that lead back in the order of places, where the offsets order the writes: a walk of its own.

use history::{ReadError, Source};

use super::operations::stops;
use super::place;
use crate::evidence::{Ending, Gatherer, Wanted, for_each_record};
use crate::index::{Index, Windows};
use crate::kafka::scan;
use crate::options::Options;

/// Each from where it leads to, to where it comes from.
#[derive(Debug, Default)]
pub(crate) struct BackEdges {
    wanted: bool,
    found: Vec<(u64, u64)>,
}

impl BackEdges {
    /// Finds the windows of a history in which the offsets order the writes.
    pub(crate) fn windows(source: &mut dyn Source, index: &Index) -> Result<Windows, ReadError> {
        let wanted = Wanted {
            back_edges: true,
            ..Wanted::default()
        };
        let options = Options::default();
        let mut gatherer = Gatherer::new(index, &options, &wanted);
        scan(source, |event| gatherer.event(event))?;
        let mut found = gatherer.finish().back_edges.found;
        if let Some(versions) = &index.versions {
            found.extend(versions.back_edges(index));
        }
        Ok(Windows::of(found))
    }

    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            found: Vec::new(),
        }
    }

    pub(crate) fn ended(&mut self, index: &Index, ending: &Ending) {
        let (Some(versions), true) = (&index.versions, self.wanted) else {
            return;
        };
        let open = &ending.open;
        let here = place(index, open, true, Some(ending.event));
        for_each_record(&ending.op.f, |record| {
            if let Some(write) = index.known(record.key, record.value)
                && !open.numbers().contains(&write)
                && versions.place(write) >= here
            {
                self.found.push((here, versions.place(write)));
            }
        });
        for (key, offset) in stops(index, ending) {
            if let Some(next) = index.next_version(key, offset)
                && !open.numbers().contains(&next)
                && versions.place(next) <= here
            {
                self.found.push((versions.place(next), here));
            }
        }
    }
}
