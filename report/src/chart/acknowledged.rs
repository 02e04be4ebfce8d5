//! The acknowledgements of one partition by one broker: how many, and which of them are lost.

use std::collections::BTreeSet;

use history::{F, Key, NodeId, Op, Value, What};
use maud::{Markup, html};

use super::scale::{Heights, Span};
use super::{picture, x};
use crate::format::{coordinate, counted, instant};
use crate::run::Run;

const HEIGHT: f64 = 40.0;
const BINS: u64 = 120;

/// Bars over time, of what is kept and what is lost.
pub(crate) struct Acknowledged {
    /// Who acknowledged.
    pub(crate) node: NodeId,
    /// The picture.
    pub(crate) picture: Markup,
}

/// For each broker that acknowledged writes of this partition in the span, its bars.
pub(crate) fn acknowledged(run: &Run<'_>, span: Span, key: Key, lost: &BTreeSet<Value>) -> Vec<Acknowledged> {
    let step = (span.length() / BINS).max(1);
    let mut by_node: std::collections::BTreeMap<NodeId, Vec<(u64, u64)>> = std::collections::BTreeMap::new();
    for event in &run.input.history.events {
        let What::Ok(Op { f: F::Send(send), .. }) = &event.what else {
            continue;
        };
        let Some(node) = send
            .broker
            .filter(|_| send.key == key && span.meets(event.time, event.time))
        else {
            continue;
        };
        let bins = by_node
            .entry(node)
            .or_insert_with(|| vec![(0, 0); BINS as usize + 2]);
        let bin = &mut bins[((event.time - span.from) / step) as usize];
        bin.0 += 1;
        bin.1 += u64::from(lost.contains(&send.value));
    }
    let most = by_node.values().flatten().map(|(all, _)| *all).max().unwrap_or(1);
    let heights = Heights::Linear {
        max: most as f64,
        pixels: HEIGHT - 2.0,
    };
    by_node
        .into_iter()
        .map(|(node, bins)| Acknowledged {
            node,
            picture: bars(span, step, heights, &bins),
        })
        .collect()
}

fn bars(span: Span, step: u64, heights: Heights, bins: &[(u64, u64)]) -> Markup {
    let height = |number: u64| HEIGHT - 2.0 - heights.y(number as f64);
    // A little over its share, or a seam would show between two bars.
    let wide = step + step / 40;
    let plot = html! {
        @for (index, (all, lost)) in bins.iter().enumerate().filter(|(_, (all, _))| *all > 0) {
            @let from = span.from + index as u64 * step;
            g {
                title { (format!("{} – {}\n{}, {lost} lost", instant(from), instant(from + step), counted(*all, "acknowledgement", "acknowledgements"))) }
                rect.kept x=(x(from)) width=(x(wide)) y=(coordinate(HEIGHT - height(*all))) height=(coordinate(height(all - lost))) {}
                rect.lost x=(x(from)) width=(x(wide)) y=(coordinate(HEIGHT - height(*lost))) height=(coordinate(height(*lost))) {}
            }
        }
        path.rule d={ "M" (x(span.from)) " " (coordinate(HEIGHT)) "H" (x(span.to)) } {}
    };
    picture(span, HEIGHT, &plot, &html! {})
}
