//! The lanes of one story: what each replica's log did in that minute, who led, what was wrong, what clients wrote.
//!
//! One picture, read from the top: the elections, the faults, a lane for each replica (who led, where its log ended, which
//! acknowledgements it gave), the clients' writes, the seconds.

mod ends;
mod span;
mod writes;

use checkers::{Disks, Story};
use history::NodeId;
use maud::{Markup, html};

use super::lane::percent;
use super::scale::Span;
use super::{view_box, x};
use crate::format::{coordinate, instant};
use crate::processes::Kind;
use crate::run::Run;
use ends::Ends;
use writes::Writes;

/// Heights in pixels.
const HEAD: f64 = 18.0;
const FAULT: f64 = 18.0;
const NAME: f64 = 17.0;
const LED: f64 = 15.0;
const GRAPH: f64 = 58.0;
const TICKS: f64 = 9.0;
const GAP: f64 = 12.0;
const AXIS: f64 = 20.0;
/// Faults that are drawn: of more, the story's own before others.
const FAULTS_MAX: usize = 5;
/// Narrower than this in percent, a bar carries no words.
const WORDS_PERCENT: f64 = 7.0;

/// What one picture is drawn from.
struct Scene<'a> {
    run: &'a Run<'a>,
    story: &'a Story,
    span: Span,
    ends: Ends,
    writes: Writes,
}

/// The shapes, and the words over them.
#[derive(Default)]
struct Layers {
    plot: Vec<Markup>,
    words: Vec<Markup>,
    y: f64,
}

/// The picture of a story.
pub(crate) fn story(run: &Run<'_>, disks: &Disks, story: &Story) -> Markup {
    let span = span::of(run, story);
    let scene = Scene {
        run,
        story,
        span,
        ends: Ends::of(run, disks, story, span),
        writes: Writes::of(run, story, span),
    };
    let mut layers = Layers {
        y: HEAD,
        ..Layers::default()
    };
    faults(&scene, &mut layers);
    for node in &run.header().nodes {
        replica(&scene, &mut layers, *node);
    }
    clients(&scene, &mut layers);
    let height = layers.y + AXIS;
    let title = scene.title();
    html! {
        svg.picture.story-lanes height=(coordinate(height)) role="img" aria-label=(title) {
            svg.plot width="100%" height=(coordinate(height)) viewBox=(view_box(span, height)) preserveAspectRatio="none" {
                (bands(&scene, layers.y))
                @for shape in &layers.plot { (shape) }
                (elections(&scene, layers.y))
            }
            @for word in &layers.words { (word) }
            (heads(&scene))
            @for (time, text) in span.ticks(10) {
                @if (1.0..98.0).contains(&span.percent(time)) {
                    text.number x=(percent(span.percent(time))) y=(coordinate(height - 5.0)) text-anchor="middle" { (text) " s" }
                }
            }
        }
    }
}

impl Scene<'_> {
    fn title(&self) -> String {
        let story = self.story;
        format!(
            "What became of {} of {} from {} to {}: one lane for each replica, with who led, where its log ended and what it acknowledged",
            match (story.first, story.last) {
                (Some(first), Some(last)) => format!("offsets {first} to {last}"),
                _ => "the records".to_owned(),
            },
            story.partition,
            instant(self.span.from),
            instant(self.span.to)
        )
    }

    /// Every epoch that began with a leader: when, and what to write there.
    fn elected(&self) -> Vec<(u64, i32, NodeId)> {
        let Some(lane) = self.run.timeline.lanes.get(self.story.key as usize) else {
            return Vec::new();
        };
        let mut found: Vec<(u64, i32, NodeId)> = Vec::new();
        for change in &lane.changes {
            let Some(leader) = change.leader else { continue };
            if found.last().is_none_or(|last| last.1 != change.epoch) {
                found.push((change.time, change.epoch, leader));
            }
        }
        if let Some(election) = &self.story.election
            && let Some(same) = found.iter_mut().find(|found| found.1 == election.epoch)
        {
            same.0 = election.time;
        }
        found.retain(|(time, ..)| self.span.meets(*time, *time) && *time > self.span.from);
        found
    }
}

/// The faults behind everything.
fn bands(scene: &Scene<'_>, height: f64) -> Markup {
    let shown = scene
        .run
        .bands()
        .filter(|(_, from, to)| scene.span.meets(*from, *to));
    html! {
        @for (_, from, to) in shown {
            @let (from, to) = scene.span.clip(from, to);
            rect.band x=(x(from)) width=(x(to - from)) y=(coordinate(HEAD)) height=(coordinate(height - HEAD)) {}
        }
    }
}

fn elections(scene: &Scene<'_>, height: f64) -> Markup {
    html! {
        @for (time, epoch, leader) in scene.elected() {
            path.elected d={ "M" (x(time)) " " (coordinate(HEAD - 4.0)) "V" (coordinate(height)) } {
                title { (format!("node {leader} elected, epoch {epoch}\nno later than {}", instant(time))) }
            }
        }
    }
}

fn heads(scene: &Scene<'_>) -> Markup {
    html! {
        @for (time, epoch, leader) in scene.elected() {
            @let place = scene.span.percent(time);
            text.elected-word x=(percent(place)) y=(coordinate(HEAD - 6.0)) text-anchor=(if place > 85.0 { "end" } else { "start" }) {
                "node " (leader) " elected, e" (epoch)
            }
        }
    }
}

fn faults(scene: &Scene<'_>, layers: &mut Layers) {
    let shown = scene
        .run
        .bands()
        .filter(|(_, from, to)| scene.span.meets(*from, *to));
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by_key(|(fault, ..)| !scene.story.faults.contains(&fault.id));
    shown.truncate(FAULTS_MAX);
    shown.sort_by_key(|(fault, ..)| fault.id);
    for (fault, from, to) in shown {
        let (from, to) = scene.span.clip(from, to);
        let title = format!(
            "fault {}: {}\n{}\n{} – {}",
            fault.id,
            fault.kind,
            fault.detail,
            instant(from),
            instant(to)
        );
        bar(
            scene,
            layers,
            FAULT - 3.0,
            (from, to),
            if fault.bit() { "fault" } else { "fault idle" },
            &format!("fault {} {}", fault.id, fault.kind),
            &title,
        );
        layers.y += FAULT;
    }
    layers.y += GAP / 2.0;
}

/// A bar with its words, where there is room for them.
fn bar(
    scene: &Scene<'_>,
    layers: &mut Layers,
    height: f64,
    (from, to): (u64, u64),
    class: &str,
    label: &str,
    title: &str,
) {
    let y = layers.y;
    layers.plot.push(html! {
        rect.seg.(class) x=(x(from)) width=(x(to - from)) y=(coordinate(y)) height=(coordinate(height)) { title { (title) } }
    });
    let (left, right) = (scene.span.percent(from), scene.span.percent(to));
    if right - left > WORDS_PERCENT {
        layers.words.push(html! {
            svg.words.(class) x=(percent(left)) width=(percent(right - left)) y=(coordinate(y)) height=(coordinate(height)) {
                text x="5" y=(coordinate(height / 2.0 + 4.0)) { (label) }
            }
        });
    }
}

fn replica(scene: &Scene<'_>, layers: &mut Layers, node: NodeId) {
    layers.words.push(html! {
        text.lane-name x="4" y=(coordinate(layers.y + NAME - 5.0)) { "node " (node) ": leads, log ends at, acknowledges" }
    });
    layers.y += NAME;
    led(scene, layers, node);
    graph(scene, layers, node);
    let colour = scene.run.colour(node);
    let (kept, lost) = scene.writes.acknowledged(node);
    let ticks = |bins: &[u64]| marks(bins, layers.y, TICKS);
    layers.plot.push(html! {
        g.(colour) {
            path.tick.kept-tick d=(ticks(&kept)) { title { (format!("acknowledged by node {node}, kept")) } }
            path.tick.lost-tick d=(ticks(&lost)) { title { (format!("acknowledged by node {node}, lost")) } }
        }
    });
    layers.y += TICKS + GAP;
}

/// The epochs in which a node led, and its process where it was down.
fn led(scene: &Scene<'_>, layers: &mut Layers, node: NodeId) {
    let run = scene.run;
    let colour = run.colour(node);
    let lane = run.timeline.lanes.get(scene.story.key as usize);
    let changes = lane.map_or(&[][..], |lane| &lane.changes);
    for (number, change) in changes.iter().enumerate() {
        let first = number == 0
            || (changes[number - 1].epoch, changes[number - 1].leader) != (change.epoch, change.leader);
        if change.leader != Some(node) || !first {
            continue;
        }
        let next = changes[number..].iter().find(|next| next.epoch != change.epoch);
        let to = next.map_or(run.timeline.end, |next| next.time);
        strip(
            scene,
            layers,
            (change.time, to),
            &colour,
            &format!("leads, e{}", change.epoch),
            &format!("node {node} leads in epoch {}", change.epoch),
        );
    }
    for stale in run
        .deposed
        .iter()
        .filter(|stale| stale.key == scene.story.key && stale.node == node)
    {
        let until = scene
            .story
            .deposed
            .as_ref()
            .filter(|told| told.node == node && told.epoch == stale.epoch);
        let until = until.map_or(stale.until, |told| {
            stale.until.max(scene.story.until).max(told.since)
        });
        strip(
            scene,
            layers,
            (stale.since, until),
            &format!("stale {colour}"),
            &format!("still e{}", stale.epoch),
            &format!("node {node} still acts as leader of epoch {}", stale.epoch),
        );
    }
    let own = run.processes.iter().find(|process| process.node == node);
    for state in own.into_iter().flat_map(|process| &process.states) {
        let class = match state.kind {
            Kind::Running => continue,
            Kind::Gone => "gone",
            Kind::Paused => "paused",
        };
        strip(
            scene,
            layers,
            (state.from, state.to),
            class,
            if class == "gone" { "down" } else { "paused" },
            &format!("node {node}: {}", state.words),
        );
    }
    layers.y += LED + 2.0;
}

fn strip(
    scene: &Scene<'_>,
    layers: &mut Layers,
    (from, to): (u64, u64),
    class: &str,
    label: &str,
    what: &str,
) {
    if scene.span.meets(from, to) {
        let title = format!("{what}\n{} – {}", instant(from), instant(to));
        let (from, to) = scene.span.clip(from, to);
        bar(scene, layers, LED, (from, to), class, label, &title);
    }
}

/// Where a node's log ended over time, with the range as a band.
fn graph(scene: &Scene<'_>, layers: &mut Layers, node: NodeId) {
    let (top, bottom) = (layers.y + 3.0, layers.y + GRAPH - 3.0);
    let ends = &scene.ends;
    let y = |end: i64| bottom - (bottom - top) * ends.share(end);
    let colour = scene.run.colour(node);
    if let (Some(first), Some(last)) = (scene.story.first, scene.story.last) {
        let (upper, lower) = (y(last.saturating_add(1)), y(first));
        layers.plot.push(html! {
            rect.range x=(x(scene.span.from)) width=(x(scene.span.length())) y=(coordinate(upper)) height=(coordinate((lower - upper).max(2.0))) {
                title { "offsets " (first) " to " (last) ": the range of this story" }
            }
        });
        layers.words.push(html! {
            text.number x="99.6%" y=(coordinate((upper + 10.0).min(bottom))) text-anchor="end" { (last) }
            text.number x="99.6%" y=(coordinate((lower - 1.0).max(upper + 20.0).min(bottom + 3.0))) text-anchor="end" { (first) }
        });
    }
    let points = ends.of_node(node);
    layers.plot.push(html! {
        path.rule d={ "M" (x(scene.span.from)) " " (coordinate(bottom + 2.0)) "H" (x(scene.span.to)) } {}
        g.(colour) {
            path.log-end d=(ends::path(points, scene.span, y)) {
                title { "where the log of node " (node) " ended, as far as it was seen" }
            }
            @for (before, after) in ends::cuts(points, scene.span) {
                path.cut d={ "M" (x(after.time)) " " (coordinate(y(before.end))) "V" (coordinate(y(after.end))) } {
                    title { (format!("node {node}: from offset {} back to {}\n{}, {}", before.end, after.end, instant(after.time), after.source)) }
                }
            }
        }
    });
    if points.is_empty() {
        layers.words.push(html! {
            text.number x="4" y=(coordinate(bottom - 12.0)) { "nothing recorded shows where its log ended" }
        });
    }
    layers.y += GRAPH;
}

/// Marks at these times.
fn marks(times: &[u64], y: f64, height: f64) -> String {
    let marks = times
        .iter()
        .map(|time| format!("M{} {}v{}", x(*time), coordinate(y), coordinate(height)));
    marks.collect()
}

/// What clients wrote to the partition, by what became of it.
fn clients(scene: &Scene<'_>, layers: &mut Layers) {
    layers.words.push(html! {
        text.lane-name x="4" y=(coordinate(layers.y + NAME - 5.0)) { "clients: writes to " (scene.story.partition) " that ended ok, unknown, failed" }
    });
    layers.y += NAME;
    for (class, name, times) in scene.writes.outcomes() {
        layers.plot.push(html! {
            path.tick.(class) d=(marks(times, layers.y, TICKS - 2.0)) { title { "writes that ended " (name) } }
        });
        layers.y += TICKS;
    }
    layers.y += GAP / 2.0;
}
