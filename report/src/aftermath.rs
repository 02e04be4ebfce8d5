//! What a fault did and how long it took to get over it, in words.

use std::collections::BTreeSet;

use checkers::{Aftermath, Recovery};
use history::Header;

use crate::format::{counted, duration, list};

/// More changes of leaders than this are counted, not named.
const MOVES_NAMED: usize = 3;

/// What was seen of it in leaders, in-sync replicas and controllers.
pub(crate) fn leadership(header: &Header, after: &Aftermath) -> String {
    let mut parts = Vec::new();
    parts.extend(leaders(header, after));
    parts.extend(
        after
            .leaderless
            .map(|(key, time)| format!("{} without a leader for {}", header.key_name(key), duration(time))),
    );
    parts.extend(in_sync(after));
    if after.controllers.len() > 1 {
        let nodes: Vec<String> = after.controllers.iter().map(ToString::to_string).collect();
        parts.push(format!("controller {}", nodes.join(" → ")));
    }
    if parts.is_empty() {
        return "none seen".to_owned();
    }
    let beside = match after.beside.as_slice() {
        [] => String::new(),
        others => format!(" (together with fault {})", list(others)),
    };
    parts.join("; ") + &beside
}

fn leaders(header: &Header, after: &Aftermath) -> Option<String> {
    let moves = &after.leaders;
    if moves.is_empty() {
        return None;
    }
    if moves.len() <= MOVES_NAMED {
        let named = moves
            .iter()
            .map(|moved| format!("{} {} → {}", header.key_name(moved.key), moved.from, moved.to));
        return Some(format!("leader of {}", named.collect::<Vec<_>>().join(", ")));
    }
    let keys: BTreeSet<_> = moves.iter().map(|moved| moved.key).collect();
    Some(format!(
        "{} of leader in {}",
        counted(moves.len() as u64, "change", "changes"),
        counted(keys.len() as u64, "partition", "partitions")
    ))
}

fn in_sync(after: &Aftermath) -> Option<String> {
    let least = after.shrunk.iter().map(|(_, least)| *least).min()?;
    let partitions = counted(after.shrunk.len() as u64, "partition", "partitions");
    Some(format!("ISR of {partitions} down to {least}"))
}

/// How long until all was whole again.
pub(crate) fn recovery(after: &Aftermath) -> String {
    match after.recovery {
        Recovery::None => "–".to_owned(),
        Recovery::After(time) => duration(time),
        Recovery::NotSeen(Some(next)) => format!("not before the next fault ({next})"),
        Recovery::NotSeen(None) => "not before the end".to_owned(),
    }
}

/// How long the clients of a partition waited at most.
pub(crate) fn silent(header: &Header, after: &Aftermath) -> String {
    match after.silent {
        None => "–".to_owned(),
        Some((key, time)) => format!("{} ({})", duration(time), header.key_name(key)),
    }
}
