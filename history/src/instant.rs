//! Times of day, as a header and the logs of brokers write them.

/// Milliseconds since 1970 of a time such as `2026-01-01T00:00:00.5Z` (RFC 3339, UTC as we and brokers write it).
pub fn milliseconds_of(text: &str) -> Option<i64> {
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
    use super::milliseconds_of;

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(milliseconds_of("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(milliseconds_of("2000-03-01T00:00:00.5Z"), Some(951_868_800_500));
        assert_eq!(
            milliseconds_of("2026-11-26T17:03:35.123456789Z"),
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
        assert_eq!(wrong.map(milliseconds_of), [None; 6]);
    }
}
