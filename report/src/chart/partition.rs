//! Who led: lanes of leaders, in-sync replicas, controllers and processes.

use checkers::{Deposed, Lane};
use history::NodeId;
use maud::Markup;

use super::lane::{Segment, Strip, lane};
use super::scale::Span;
use crate::format::{instant, list};
use crate::processes::{Kind, State};
use crate::run::Run;

const LEADER: f64 = 20.0;
const GAP: f64 = 2.0;
const DEPOSED: f64 = 16.0;
const ISR: f64 = 3.0;
const FOOT: f64 = 6.0;

/// The leaders of one partition: its epochs, below them leaders that did not know they were deposed, below
/// them one thin line for each replica while it is in the ISR.
pub(crate) fn partition(run: &Run<'_>, span: Span, key: history::Key) -> Markup {
    let Some(found) = run.timeline.lanes.get(key as usize) else {
        return lane(span, LEADER, &[]);
    };
    let mut strips = vec![Strip {
        y: 0.0,
        height: LEADER,
        segments: leaders(run, found),
    }];
    let mut y = LEADER + GAP;
    let stale: Vec<Segment> = run
        .deposed
        .iter()
        .filter(|one| one.key == key)
        .map(|one| stale(run, one))
        .collect();
    if !stale.is_empty() {
        strips.push(Strip {
            y,
            height: DEPOSED,
            segments: stale,
        });
        y += DEPOSED + GAP;
    }
    for node in &run.header().nodes {
        let segments = in_sync(run, found, *node);
        if !segments.is_empty() {
            strips.push(Strip {
                y,
                height: ISR,
                segments,
            });
            y += ISR + 1.0;
        }
    }
    lane(span, y + FOOT, &strips)
}

/// One segment an epoch and leader, whatever the ISR did meanwhile.
fn leaders(run: &Run<'_>, lane: &Lane) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut last = None;
    for change in &lane.changes {
        if last != Some((change.leader, change.epoch)) {
            if let Some(before) = segments.last_mut() {
                before.to = change.time;
            }
            segments.push(leader(run, change));
            last = Some((change.leader, change.epoch));
        }
    }
    for segment in &mut segments {
        let times = format!("\n{} – {}", instant(segment.from), instant(segment.to));
        segment.title.push_str(&times);
    }
    segments
}

fn leader(run: &Run<'_>, change: &checkers::LeaderChange) -> Segment {
    let (class, label, words) = match change.leader {
        Some(node) => (
            run.colour(node),
            format!("n{node} e{}", change.epoch),
            format!("leader: node {node}"),
        ),
        None => (
            "none".to_owned(),
            format!("none e{}", change.epoch),
            "no leader".to_owned(),
        ),
    };
    let title = format!(
        "{words}, epoch {}\nISR at its start: {}\nfirst shown by node {}",
        change.epoch,
        isr(&change.isr),
        change.node
    );
    Segment {
        from: change.time,
        to: run.timeline.end,
        class,
        label,
        title,
    }
}

fn isr(nodes: &[NodeId]) -> String {
    if nodes.is_empty() {
        "nobody".to_owned()
    } else {
        format!("{} ({})", list(nodes), nodes.len())
    }
}

fn stale(run: &Run<'_>, deposed: &Deposed) -> Segment {
    let Deposed {
        node,
        epoch,
        newer_epoch,
        since,
        until,
        ..
    } = deposed;
    Segment {
        from: *since,
        to: *until,
        class: format!("stale {}", run.colour(*node)),
        label: format!("n{node} still e{epoch}"),
        title: format!(
            "deposed: node {node} still called itself leader of epoch {epoch}\nwhile epoch {newer_epoch} had begun\n{} – {}",
            instant(*since),
            instant(*until)
        ),
    }
}

/// The stretches in which a node was in the ISR.
fn in_sync(run: &Run<'_>, lane: &Lane, node: NodeId) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut since: Option<(u64, &[NodeId])> = None;
    let ends = lane
        .changes
        .iter()
        .map(|change| (change.time, change.isr.as_slice()));
    for (time, members) in ends.chain([(run.timeline.end, [].as_slice())]) {
        let inside = members.contains(&node);
        if let Some((from, first)) = since.filter(|_| !inside) {
            segments.push(Segment {
                from,
                to: time,
                class: format!("isr {}", run.colour(node)),
                label: String::new(),
                title: format!(
                    "node {node} in the ISR\n{} – {}\nISR at its start: {}",
                    instant(from),
                    instant(time),
                    isr(first)
                ),
            });
            since = None;
        } else if inside && since.is_none() {
            since = Some((time, members));
        }
    }
    segments
}

/// The controllers: each term, and a second strip where terms overlap.
pub(crate) fn controllers(run: &Run<'_>, span: Span) -> Markup {
    let mut rows: Vec<(u64, Vec<Segment>)> = Vec::new();
    for term in &run.timeline.controllers {
        let row = rows
            .iter()
            .position(|(end, _)| *end <= term.from)
            .unwrap_or(rows.len());
        if row == rows.len() {
            rows.push((0, Vec::new()));
        }
        rows[row].0 = term.until;
        rows[row].1.push(Segment {
            from: term.from,
            to: term.until,
            class: run.colour(term.leader),
            label: format!("n{} t{}", term.leader, term.epoch),
            title: format!(
                "active controller: node {}, term {}\n{} – {}",
                term.leader,
                term.epoch,
                instant(term.from),
                instant(term.until)
            ),
        });
    }
    let height = rows.len().max(1) as f64 * (LEADER + GAP);
    let strips: Vec<Strip> = rows
        .into_iter()
        .enumerate()
        .map(|(row, (_, segments))| Strip {
            y: row as f64 * (LEADER + GAP),
            height: LEADER,
            segments,
        })
        .collect();
    lane(span, height + FOOT, &strips)
}

/// One strip a node: its process running, stopped or gone.
pub(crate) fn nodes(run: &Run<'_>, span: Span, states: &[State], node: NodeId) -> Markup {
    let segments = states.iter().map(|state| process(run, state, node)).collect();
    lane(
        span,
        DEPOSED + GAP,
        &[Strip {
            y: 0.0,
            height: DEPOSED,
            segments,
        }],
    )
}

fn process(run: &Run<'_>, state: &State, node: NodeId) -> Segment {
    let colour = run.colour(node);
    let (class, label) = match state.kind {
        Kind::Running if state.incarnation == 0 => (format!("up {colour}"), "running".to_owned()),
        Kind::Running => (
            format!("up {colour}"),
            format!("running, start {}", state.incarnation + 1),
        ),
        Kind::Gone => ("gone".to_owned(), "down".to_owned()),
        Kind::Paused => ("paused".to_owned(), "paused".to_owned()),
    };
    let title = format!(
        "node {node}: {}\n{} – {}",
        state.words,
        instant(state.from),
        instant(state.to)
    );
    Segment {
        from: state.from,
        to: state.to,
        class,
        label,
        title,
    }
}
