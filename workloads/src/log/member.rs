//! A consumer that its group gives partitions to: its settings, and what it commits.

use std::collections::BTreeMap;
use std::time::Duration;

use history::{Key, Offset, Record};

use crate::client::{GroupProtocol, GroupSettings};

/// The group that all consumers of the workload are in.
const GROUP: &str = "tribunal-log";
/// When the group gives a member up, in the classic protocol: the least that brokers allow as they ship. In the newer one
/// this is the broker's own setting.
const SESSION: Duration = Duration::from_secs(6);

/// Settings of a consumer that reads what its group gives it, from where the group stands or else from the start. It
/// commits itself, and only what it has written down: a member that dies makes others read again, never skip.
pub(crate) fn group(protocol: GroupProtocol) -> GroupSettings {
    GroupSettings {
        id: GROUP.to_owned(),
        protocol,
        instance: None,
        assignor: "range,roundrobin",
        session_timeout: SESSION,
        max_poll_interval: None,
        auto_commit: None,
    }
}

/// How far these records go: the offset to read next, by partition. A partition that moved meanwhile is left out: it is
/// somebody else's by now, or was given anew.
pub(crate) fn read_up_to(records: &[Record], moved: &[Key]) -> BTreeMap<Key, Offset> {
    let mut up_to = BTreeMap::new();
    for record in records.iter().filter(|record| !moved.contains(&record.key)) {
        let next = up_to.entry(record.key).or_insert(0);
        *next = (record.offset + 1).max(*next);
    }
    up_to
}
