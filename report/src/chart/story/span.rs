//! Which time a story's picture shows.

use checkers::Story;

use crate::chart::Span;
use crate::run::Run;

const SECOND: u64 = 1_000_000_000;
/// No more than a minute, or nothing in it could be told apart.
const LONGEST: u64 = 60 * SECOND;

/// From before the first acknowledgement and the faults to after the election and the last truncation.
pub(super) fn of(run: &Run<'_>, story: &Story) -> Span {
    let faults = || story.faults.iter().filter_map(|id| run.fault(*id));
    let begun = faults().filter_map(checkers::FaultInterval::start).min();
    let from = begun.unwrap_or(story.from).min(story.from).saturating_sub(SECOND);
    let elected = story.election.as_ref().map(|election| election.time);
    let cut = story.truncations.iter().map(|truncation| truncation.at);
    let gone = story.holders.iter().filter_map(|holder| holder.gone_by);
    let last = cut.chain(gone).chain(elected).max().unwrap_or(story.until);
    let healed = faults().filter_map(|fault| fault.to).max().unwrap_or(last);
    let to = last.max(healed).max(story.until).saturating_add(2 * SECOND);
    let to = to.min(run.timeline.end.max(story.until));
    let from = from.max(to.saturating_sub(LONGEST)).min(story.from);
    Span::new(from.min(run.timeline.end), to)
}
