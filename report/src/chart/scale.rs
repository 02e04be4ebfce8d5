//! From values to coordinates, and the round numbers to mark on the way.

/// A span of time, in nanoseconds of the history's clock, drawn from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it begins.
    pub(crate) from: u64,
    /// Where it ends; always after `from`.
    pub(crate) to: u64,
}

impl Span {
    /// A span that is never empty.
    pub(crate) fn new(from: u64, to: u64) -> Self {
        Self {
            from,
            to: to.max(from + 1_000_000),
        }
    }

    /// How long it is, in nanoseconds.
    pub(crate) fn length(self) -> u64 {
        self.to - self.from
    }

    /// Whether any part of the interval lies in the span.
    pub(crate) fn meets(self, from: u64, to: u64) -> bool {
        from < self.to && to >= self.from
    }

    /// The part of an interval that lies in the span.
    pub(crate) fn clip(self, from: u64, to: u64) -> (u64, u64) {
        (from.clamp(self.from, self.to), to.clamp(self.from, self.to))
    }

    /// Where a time lies, in percent of the span's length.
    pub(crate) fn percent(self, time: u64) -> f64 {
        (time as f64 - self.from as f64) / self.length() as f64 * 100.0
    }

    /// Round points in time, about `wanted` of them, each with its text.
    pub(crate) fn ticks(self, wanted: u64) -> Vec<(u64, String)> {
        let step = round_step(self.length() as f64 / wanted as f64) as u64;
        let first = self.from.div_ceil(step);
        let last = self.to / step;
        (first..=last)
            .map(|index| (index * step, seconds(index * step, step)))
            .collect()
    }
}

/// A time in seconds with as many decimals as the step needs: `12`, `12.5`, `0.025`.
fn seconds(nanos: u64, step: u64) -> String {
    let decimals = match step {
        0..1_000_000 => 4,
        1_000_000..10_000_000 => 3,
        10_000_000..100_000_000 => 2,
        100_000_000..1_000_000_000 => 1,
        _ => 0,
    };
    format!("{:.decimals$}", nanos as f64 / 1e9)
}

/// The smallest of 1, 2, 5 × 10ⁿ that is not below `step`; at least 1.
pub(crate) fn round_step(step: f64) -> f64 {
    let magnitude = 10_f64.powf(step.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|candidate| *candidate >= step)
        .unwrap_or(10.0 * magnitude)
}

/// From a value to a height in pixels, measured from the top.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heights {
    /// Zero at the bottom, `max` at the top.
    Linear { max: f64, pixels: f64 },
    /// `min` at the bottom, `max` at the top, powers of ten at equal distances.
    Logarithmic { min: f64, max: f64, pixels: f64 },
}

impl Heights {
    /// A linear scale whose top is a round number that holds every value.
    pub(crate) fn linear(largest: f64, pixels: f64) -> Self {
        let step = round_step(largest / 4.0);
        Self::Linear {
            max: ((largest / step).ceil() * step).max(step),
            pixels,
        }
    }

    /// A logarithmic scale over whole powers of ten that holds every value.
    pub(crate) fn logarithmic(smallest: f64, largest: f64, pixels: f64) -> Self {
        let min = 10_f64.powf(smallest.max(1.0).log10().floor());
        let max = 10_f64.powf(largest.max(1.0).log10().ceil()).max(min * 10.0);
        Self::Logarithmic { min, max, pixels }
    }

    /// Where a value lies.
    pub(crate) fn y(self, value: f64) -> f64 {
        match self {
            Self::Linear { max, pixels } => pixels * (1.0 - value / max),
            Self::Logarithmic { min, max, pixels } => {
                let share = (value.max(min) / min).log10() / (max / min).log10();
                pixels * (1.0 - share)
            }
        }
    }

    /// The values to mark, from the bottom.
    pub(crate) fn marks(self) -> Vec<f64> {
        match self {
            Self::Linear { max, .. } => {
                let step = round_step(max / 4.0);
                (0..=(max / step).round() as u32)
                    .map(|index| f64::from(index) * step)
                    .collect()
            }
            Self::Logarithmic { min, max, .. } => {
                let decades = (max / min).log10().round() as i32;
                (0..=decades).map(|index| min * 10_f64.powi(index)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let steps = [0.0, 1.0, 1.2, 3.0, 7.0, 10.0, 123.0, 6e9];
        assert_eq!(
            steps.map(|step| round_step(step) as u64),
            [1, 1, 2, 5, 10, 10, 200, 10_000_000_000]
        );
    }

    #[test]
    fn ticks_lie_inside_and_carry_their_decimals() {
        let ticks = Span::new(1_900_000_000, 4_100_000_000).ticks(5);
        let texts: Vec<&str> = ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["2.0", "2.5", "3.0", "3.5", "4.0"]);
    }

    #[test]
    fn an_empty_span_still_has_a_length() {
        assert_eq!(Span::new(5, 5).length(), 1_000_000);
        assert!(!Span::new(0, 0).ticks(10).is_empty());
    }

    #[test]
    fn a_linear_scale_ends_on_a_mark() {
        let heights = Heights::linear(830.0, 100.0);
        assert_eq!(heights.marks(), [0.0, 500.0, 1000.0]);
        assert!((heights.y(500.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_scale_spaces_decades_equally() {
        let heights = Heights::logarithmic(3e5, 4e9, 100.0);
        assert_eq!(heights.marks().len(), 6);
        assert!((heights.y(1e5) - 100.0).abs() < 1e-9);
        assert!((heights.y(1e10)).abs() < 1e-9);
    }
}
