//! Where partitions begin.

use std::collections::BTreeMap;
use std::time::Duration;

use history::{Key, Offset};

use super::library::Consumer;

/// How long asking for a partition's start may take.
const START_WITHIN: Duration = Duration::from_secs(2);

/// Where each partition begins, by its leader; where that does not answer, at 0.
pub(crate) fn starts(client: &mut dyn Consumer, keys: &[Key]) -> BTreeMap<Key, Offset> {
    let start = |key: &Key| {
        (
            *key,
            client.ends(*key, START_WITHIN).map_or(0, |(start, _)| start),
        )
    };
    keys.iter().map(start).collect()
}
