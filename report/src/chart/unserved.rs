//! When a partition could not be written, and when it could not be read, as the prober found it.

use checkers::Unserved;
use history::{Key, ProbeOf};
use maud::Markup;

use super::lane::{Segment, Strip, lane};
use super::scale::Span;
use crate::format::{clipped, counted, duration, instant};
use crate::run::Run;

const WRITES: f64 = 12.0;
const READS: f64 = 8.0;
const GAP: f64 = 2.0;
/// More letters of a reason than this are for the history.
const WHY_MAX: usize = 200;

/// Writes above, reads below; empty where all was served.
pub(crate) fn unserved(run: &Run<'_>, span: Span, key: Key) -> Markup {
    let of = |f| {
        let found = run
            .served
            .unserved
            .iter()
            .filter(move |one| one.key == key && one.f == f);
        found.map(segment).collect()
    };
    let strips = [
        Strip {
            y: 0.0,
            height: WRITES,
            segments: of(ProbeOf::Write),
        },
        Strip {
            y: WRITES + GAP,
            height: READS,
            segments: of(ProbeOf::Read),
        },
    ];
    lane(span, WRITES + GAP + READS + GAP, &strips)
}

fn segment(one: &Unserved) -> Segment {
    let (class, what) = match one.f {
        ProbeOf::Write => ("unwritten", "written"),
        ProbeOf::Read => ("unread", "read"),
    };
    let open = if one.ended {
        ""
    } else {
        ", and it had not ended when the prober did"
    };
    Segment {
        from: one.from,
        to: one.to,
        class: class.to_owned(),
        label: duration(one.to.saturating_sub(one.from)),
        title: format!(
            "not {what} for {}{open}\n{} – {}, success to success\n{} in vain, the last: {}",
            duration(one.to.saturating_sub(one.from)),
            instant(one.from),
            instant(one.to),
            counted(one.attempts, "attempt", "attempts"),
            clipped(&one.why, WHY_MAX)
        ),
    }
}
