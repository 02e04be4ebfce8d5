//! When a ruling was made, on the history's clock.

use history::{Header, Ruling};

use crate::timeline::{Lane, Timeline};

/// Where the time of a ruling comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// The wall clock of the controller that wrote it, to a millisecond: as right as that clock was.
    Controller,
    /// The first answer of a broker that showed it: the ruling was made before.
    Observation,
    /// The first copy of a disk that showed it: the ruling was made before.
    Copy,
}

/// How much later than the first answer that shows it a ruling may seem to have been written: the history's clock
/// starts some milliseconds after the time in its header.
const AHEAD_MAX: u64 = 50_000_000;

/// Puts rulings on the history's clock.
pub(super) struct Times<'t> {
    /// Milliseconds since 1970 at the history's start, where controllers' clocks can be trusted.
    started_ms: Option<i64>,
    lanes: &'t [Lane],
}

impl<'t> Times<'t> {
    pub(super) fn new(header: &Header, timeline: &'t Timeline) -> Self {
        let shifted = timeline
            .faults
            .iter()
            .any(|fault| fault.kind.starts_with("clock"));
        Self {
            started_ms: milliseconds(&header.started).filter(|_| !shifted),
            lanes: &timeline.lanes,
        }
    }

    /// When a ruling was made, that no later than `copied` was seen on a disk.
    pub(super) fn of(&self, ruling: &Ruling, copied: u64) -> (u64, Clock) {
        let seen = self.seen(ruling).filter(|seen| *seen <= copied);
        let (latest, by) = seen.map_or((copied, Clock::Copy), |seen| (seen, Clock::Observation));
        let written = self.started_ms.and_then(|started| {
            let after = u64::try_from(ruling.written_ms.checked_sub(started)?).ok()?;
            after.checked_mul(1_000_000)
        });
        match written {
            Some(written) if written <= latest.saturating_add(AHEAD_MAX) => {
                (written.min(latest), Clock::Controller)
            }
            _ => (latest, by),
        }
    }

    /// The first answer that showed this state, or a later one.
    fn seen(&self, ruling: &Ruling) -> Option<u64> {
        let lane = self.lanes.get(ruling.key as usize)?;
        let mut sorted = ruling.isr.clone();
        sorted.sort_unstable();
        let shows = lane.changes.iter().find(|change| {
            let mut isr = change.isr.clone();
            isr.sort_unstable();
            change.epoch > ruling.epoch
                || (change.epoch, change.leader) == (ruling.epoch, ruling.leader) && isr == sorted
        });
        shows.map(|change| change.time)
    }
}

/// Milliseconds since 1970 of a time such as `2026-01-01T00:00:00.5Z` (RFC 3339, UTC as we write it).
fn milliseconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?;
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let milliseconds: i64 = digits.parse().ok()?;
    let plausible = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    plausible.then_some(seconds * 1_000 + milliseconds)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<u16>().ok());
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all.map(i64::from))
}

/// Days since 1970-01-01 of a day of the Gregorian calendar (Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(milliseconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(milliseconds("2000-03-01T00:00:00.5Z"), Some(951_868_800_500));
        assert_eq!(
            milliseconds("2026-11-26T17:03:35.123456789Z"),
            Some(1_795_712_615_123)
        );
        let wrong = [
            "",
            "now",
            "2026-11-26",
            "2026-13-26T00:00:00Z",
            "2026-11-26T25:00:00Z",
            "2026-11-26T00:00:00+02:00",
        ];
        assert_eq!(wrong.map(milliseconds), [None; 6]);
    }
}
