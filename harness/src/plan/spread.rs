//! Steps with more time between them, so that what each fault did can be told from what the next one does.

use history::Span;
use nemesis::{Condition, Moment, Start, Step};

/// The same steps, none beginning earlier than this after those before it are over. What overlaps goes on to.
pub fn spread(steps: &mut [Step], rest: Span) {
    let rest = rest.as_millis();
    let longer = rest * steps.len() as u64;
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|index| steps[*index].earliest());
    // When the steps so far are over, as it was and as it is now, and how much later everything is by now.
    let (mut over_before, mut over, mut later) = (0, 0, 0);
    for (place, index) in order.into_iter().enumerate() {
        let step = &mut steps[index];
        match &mut step.start {
            Start::At(at) => {
                let before = at.as_millis();
                if place > 0 && before >= over_before {
                    later = later.max((over + rest).saturating_sub(before));
                }
                *at = Span::from_millis(before + later);
                let lasts = step.lasts.map_or(0, Span::as_millis);
                over_before = over_before.max(before + lasts);
                over = over.max(before + later + lasts);
            }
            Start::When(when) => {
                // What it waits for comes later too.
                when.timeout = Span::from_millis(when.timeout.as_millis() + longer);
                if let Condition::After(after) = &mut when.seen
                    && after.is == Moment::Healed
                {
                    after.delay = Span::from_millis(after.delay.as_millis().max(rest));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::spread;
    use history::Span;
    use nemesis::Step;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Plan {
        steps: Vec<Step>,
    }

    fn plan(steps: &[&str]) -> Plan {
        let steps: Vec<String> = steps
            .iter()
            .map(|step| format!("{{ {step}, fault = \"kill\" }}"))
            .collect();
        toml::from_str(&format!("steps = [{}]", steps.join(", "))).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn check(steps: &[&str], expected: &[&str]) {
        let mut found = plan(steps);
        spread(&mut found.steps, Span::from_secs(8));
        assert_eq!(found, plan(expected));
    }

    #[test]
    fn what_follows_too_early_is_moved_and_what_comes_late_enough_is_not() {
        check(
            &[
                "at = \"1s\", lasts = \"2s\"",
                "at = \"4s\", lasts = \"1s\"",
                "at = \"30s\", lasts = \"1s\"",
            ],
            &[
                "at = \"1s\", lasts = \"2s\"",
                "at = \"11s\", lasts = \"1s\"",
                "at = \"37s\", lasts = \"1s\"",
            ],
        );
    }

    #[test]
    fn what_overlaps_goes_on_to() {
        check(
            &[
                "at = \"0s\", lasts = \"5s\"",
                "at = \"4s\", lasts = \"3s\"",
                "at = \"8s\", lasts = \"1s\"",
            ],
            &[
                "at = \"0s\", lasts = \"5s\"",
                "at = \"4s\", lasts = \"3s\"",
                "at = \"15s\", lasts = \"1s\"",
            ],
        );
    }

    #[test]
    fn who_waits_for_another_to_be_over_waits_longer() {
        check(
            &[
                "name = \"a\", at = \"0s\", lasts = \"1s\"",
                "when = { after = { step = \"a\" }, timeout = \"20s\" }, lasts = \"1s\"",
                "when = { after = { step = \"a\", is = \"injected\" }, timeout = \"20s\" }, lasts = \"1s\"",
            ],
            &[
                "name = \"a\", at = \"0s\", lasts = \"1s\"",
                "when = { after = { step = \"a\", delay = \"8s\" }, timeout = \"44s\" }, lasts = \"1s\"",
                "when = { after = { step = \"a\", is = \"injected\" }, timeout = \"44s\" }, lasts = \"1s\"",
            ],
        );
    }
}
