//! The operations of some clients over time: how they ended, not more of it than an eye can tell apart. A script draws
//! each of them over this where there is one.

use std::collections::HashMap;
use std::fmt::Write as _;

use history::F;
use maud::{Markup, html};

use super::scale::Span;
use super::{picture, x};
use crate::operations::{Operations, Outcome};

/// The height of a lane.
const HEIGHT: f64 = 14.0;
const BODY: f64 = 11.0;
/// A lane has so many places, each with or without an operation of a kind.
const PLACES: usize = 500;

/// What tells operations apart at a glance; what comes later is drawn over what came before.
#[derive(Clone, Copy)]
enum Kind {
    Read = 0,
    Write = 1,
    Fail = 2,
    Info = 3,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Fail, Self::Info];

    fn of(outcome: Outcome, f: &F) -> Self {
        match (outcome, f) {
            (Outcome::Fail, _) => Self::Fail,
            (Outcome::Info | Outcome::Open, _) => Self::Info,
            (Outcome::Ok, F::Send(_) | F::Txn(_)) => Self::Write,
            (Outcome::Ok, _) => Self::Read,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// Where a lane begins to be covered by each kind (above zero) and where that ends again (below).
type Cover = [Vec<i32>; 4];

/// The first lanes of the operations, as many as are asked for.
pub(crate) fn clients(operations: &Operations<'_>, span: Span, lanes: usize) -> Vec<Markup> {
    let rows = operations.rows.iter().take(lanes);
    let row_of: HashMap<u32, usize> = rows
        .clone()
        .enumerate()
        .flat_map(|(index, row)| row.processes.iter().map(move |process| (*process, index)))
        .collect();
    let mut covers: Vec<Cover> = rows
        .map(|_| std::array::from_fn(|_| vec![0; PLACES + 1]))
        .collect();
    let place = |time: u64| {
        let share = (time.saturating_sub(span.from)) as f64 / span.length() as f64;
        ((share * PLACES as f64) as usize).min(PLACES - 1)
    };
    for operation in &operations.all {
        if let Some(row) = row_of.get(&operation.op.process) {
            let kind = Kind::of(operation.outcome, &operation.op.f);
            let cover = &mut covers[*row][kind as usize];
            cover[place(operation.begin)] += 1;
            cover[place(operation.end.unwrap_or(span.to)) + 1] -= 1;
        }
    }
    covers.iter().map(|cover| drawn(cover, span)).collect()
}

fn drawn(cover: &Cover, span: Span) -> Markup {
    let plot = html! {
        @for kind in Kind::ALL {
            @let shape = shape(&cover[kind as usize], span);
            @if !shape.is_empty() { path.did.(kind.class()) d=(shape) {} }
        }
    };
    picture(span, HEIGHT, &plot, &html! {})
}

/// A box for each stretch that is covered without a break.
fn shape(cover: &[i32], span: Span) -> String {
    let time = |place: usize| span.from + (span.length() as f64 * place as f64 / PLACES as f64) as u64;
    let (mut path, mut open, mut since) = (String::new(), 0, None);
    for (index, change) in cover.iter().enumerate() {
        open += change;
        if open > 0 && index < PLACES {
            since.get_or_insert(index);
        } else if let Some(from) = since.take() {
            let (from, to) = (time(from), time(index));
            write!(path, "M{} 1h{}v{BODY}H{}Z", x(from), x(to - from), x(from))
                .expect("a String takes every write");
        }
    }
    path
}
