//! From what a plan says to the steps of one run: a pure function of the plan, the seed and the cluster's shape.

use std::time::Duration;

use history::{NodeId, Span};

use crate::config::{Invalid, NemesisConfig, RandomConfig, Step};
use crate::draw::Draw;
use crate::faults::{FAULTS, FaultSpec};

/// More steps than this are a mistake in a plan's units.
const STEPS_MAX: usize = 10_000;
/// The stream that times and kinds of a random schedule are drawn from; a step's own choices come from the
/// stream of its number.
const SCHEDULE_STREAM: u64 = 0;

impl NemesisConfig {
    /// The steps with every random choice drawn, in the order of their times: written back into a plan as
    /// [`NemesisConfig::Steps`] they resolve to themselves, whatever the seed.
    pub fn resolve(&self, seed: u64, nodes: &[NodeId], keys: u32) -> Result<Vec<Step>, Invalid> {
        let mut steps = match self {
            Self::None => Vec::new(),
            Self::Random(random) => {
                for (index, fault) in random.faults.iter().enumerate() {
                    let mut draw = Draw::new(seed, SCHEDULE_STREAM, nodes, keys);
                    resolve_fault(&mut fault.clone(), &mut draw)
                        .map_err(|error| error.inside(&["random", "faults", &index.to_string()]))?;
                }
                let mut draw = Draw::new(seed, SCHEDULE_STREAM, nodes, keys);
                random
                    .steps(&mut draw)
                    .map_err(|error| error.inside(&["random"]))?
            }
            Self::Steps(steps) => steps.clone(),
        };
        check_lengths(&steps)?;
        for (index, step) in steps.iter_mut().enumerate() {
            let mut draw = Draw::new(seed, index as u64 + 1, nodes, keys);
            resolve_fault(&mut step.fault, &mut draw)
                .map_err(|error| error.inside(&["steps", &index.to_string(), "fault"]))?;
        }
        steps.sort_by_key(|step| step.at);
        Ok(steps)
    }

    /// Whether the plan declares a run without faults.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// The kinds of fault that it may inject, each once, in the order in which it names them.
    pub fn kinds(&self) -> Vec<String> {
        let faults: Vec<_> = match self {
            Self::None => Vec::new(),
            Self::Random(random) => random.faults.iter().collect(),
            Self::Steps(steps) => steps.iter().map(|step| &step.fault).collect(),
        };
        let mut kinds: Vec<String> = Vec::new();
        for fault in faults {
            if !kinds.iter().any(|kind| kind == fault.name()) {
                kinds.push(fault.name().to_owned());
            }
        }
        kinds
    }

    /// Makes a random schedule that long, and ends a list of steps there.
    pub fn set_duration(&mut self, duration: Span) {
        match self {
            Self::None => {}
            Self::Random(random) => random.duration = duration,
            Self::Steps(steps) => {
                steps.retain(|step| step.at < duration);
                for step in steps {
                    let left = Span::from_millis(duration.as_millis() - step.at.as_millis());
                    step.lasts = Some(step.lasts.unwrap_or(left).min(left));
                }
            }
        }
    }
}

/// When the last step with an end is over: how long the schedule goes on, if no injection takes time.
pub fn length(steps: &[Step]) -> Duration {
    let end = |step: &Step| Some(step.at.duration() + step.lasts?.duration());
    steps.iter().filter_map(end).max().unwrap_or_default()
}

fn resolve_fault(fault: &mut FaultSpec, draw: &mut Draw<'_>) -> Result<(), Invalid> {
    let name = fault.name();
    fault
        .kind_mut()
        .resolve(draw)
        .map_err(|error| error.inside(&[name]))
}

fn check_lengths(steps: &[Step]) -> Result<(), Invalid> {
    if steps.len() > STEPS_MAX {
        return Err(Invalid::new(&["steps"], format!("more than {STEPS_MAX} steps")));
    }
    let zero = |step: &Step| step.lasts.is_some_and(Span::is_zero);
    if let Some(index) = steps.iter().position(zero) {
        let path = ["steps", &index.to_string(), "lasts"];
        return Err(Invalid::new(&path, "a fault that lasts no time is none"));
    }
    if !steps.is_empty() && steps.iter().all(|step| step.lasts.is_none()) {
        return Err(Invalid::new(
            &["steps"],
            "a step without `lasts` is in force until the others are over, and no other has an end: \
             say how long one of them `lasts`",
        ));
    }
    let over = Span::from_millis(length(steps).as_millis() as u64);
    let late = |step: &Step| step.lasts.is_none() && step.at >= over;
    if let Some(index) = steps.iter().position(late) {
        let reason = format!(
            "a step without `lasts` is in force until the others are over, and they are at {over}: \
             say how long it lasts"
        );
        return Err(Invalid::new(&["steps", &index.to_string(), "at"], reason));
    }
    Ok(())
}

impl RandomConfig {
    /// Every fault once in an order that is drawn, then any of them as long as there is time for one more.
    fn steps(&self, draw: &mut Draw<'_>) -> Result<Vec<Step>, Invalid> {
        self.check()?;
        let turn_min = self.lasts.0.as_millis() + self.rest.0.as_millis();
        let mut first_round = draw.order(self.faults.len()).into_iter();
        // The shortest rest at the end is set aside.
        let mut time_left = self.duration.as_millis() - self.rest.0.as_millis();
        let mut at = 0;
        let mut steps = Vec::new();
        while time_left >= turn_min && steps.len() <= STEPS_MAX {
            // What this turn may take beyond its shortest, so that the first round fits in.
            let still_due = first_round.len().max(1) as u64;
            let slack = time_left.saturating_sub(still_due * turn_min);
            let index = first_round.next();
            let rest = within(draw, self.rest, slack);
            let slack = slack - (rest - self.rest.0.as_millis());
            let lasts = within(draw, self.lasts, slack);
            let index = index.unwrap_or_else(|| draw.index(self.faults.len()));
            steps.push(Step {
                at: Span::from_millis(at + rest),
                lasts: Some(Span::from_millis(lasts)),
                fault: self.faults[index].clone(),
            });
            at += rest + lasts;
            time_left -= rest + lasts;
        }
        Ok(steps)
    }

    fn check(&self) -> Result<(), Invalid> {
        for (field, (shortest, longest)) in [("lasts", self.lasts), ("rest", self.rest)] {
            if shortest > longest {
                let reason = format!("the shorter time goes first: [\"{longest}\", \"{shortest}\"]");
                return Err(Invalid::new(&[field], reason));
            }
        }
        if self.lasts.0.is_zero() {
            return Err(Invalid::new(&["lasts"], "a fault that lasts no time is none"));
        }
        if self.faults.is_empty() {
            let words: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
            let words = words.join(", ");
            let reason = format!("names no fault: choose among {words}, or write nemesis = \"none\"");
            return Err(Invalid::new(&["faults"], reason));
        }
        self.check_duration()
    }

    fn check_duration(&self) -> Result<(), Invalid> {
        let (lasts, rest) = (self.lasts.0, self.rest.0);
        let turn = lasts.as_millis() + rest.as_millis();
        let needed = self.faults.len() as u64 * turn + rest.as_millis();
        if self.duration.as_millis() >= needed {
            return Ok(());
        }
        let reason = format!(
            "{} is too short for {} faults of at least {lasts} with rests of at least {rest}: they need {}",
            self.duration,
            self.faults.len(),
            Span::from_millis(needed)
        );
        Err(Invalid::new(&["duration"], reason))
    }
}

/// A time of the range, in milliseconds, that is at most `slack` longer than its shortest.
fn within(draw: &mut Draw<'_>, (shortest, longest): (Span, Span), slack: u64) -> u64 {
    let most = (shortest.as_millis() + slack).min(longest.as_millis());
    draw.milliseconds(shortest.as_millis(), most)
}

#[cfg(test)]
mod tests {
    use super::length;
    use crate::{NemesisConfig, Step};
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use std::time::Duration;

    const NODES: [u32; 3] = [1, 2, 3];
    const KEYS: u32 = 4;
    const RANDOM: &str = r#"
        [nemesis.random]
        duration = "30s"
        lasts = ["2s", "5s"]
        rest = ["1s", "3s"]
        faults = [
            "kill",
            { pause = { target = "leader" } },
            { partition = { shape = "halves" } },
            { partition = { shape = "one-way", direction = "out" } },
            "shrink-isr",
        ]
    "#;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Plan {
        nemesis: NemesisConfig,
    }

    fn plan(text: &str) -> NemesisConfig {
        toml::from_str::<Plan>(text).expect("a plan").nemesis
    }

    fn resolve(text: &str, seed: u64) -> Vec<Step> {
        plan(text).resolve(seed, &NODES, KEYS).expect("a schedule")
    }

    /// The text is refused as TOML, at this line, with this in the message.
    fn check_refused(text: &str, line: usize, part: &str) {
        let error = toml::from_str::<Plan>(text).expect_err(text).to_string();
        assert!(
            error.contains(&format!("line {line},")) && error.contains(part),
            "{error}"
        );
    }

    /// The plan is well formed, and yet does not resolve.
    fn check_invalid(text: &str, expected: &str) {
        let invalid = plan(text).resolve(1, &NODES, KEYS).expect_err(text);
        assert_eq!(invalid.to_string(), expected);
    }

    proptest! {
        #[test]
        fn one_seed_gives_one_schedule(seed: u64) {
            prop_assert_eq!(resolve(RANDOM, seed), resolve(RANDOM, seed));
        }

        #[test]
        fn what_is_resolved_stays_as_it_is_through_the_file_and_any_seed(seed: u64, other: u64) {
            let steps = resolve(RANDOM, seed);
            let written = Plan { nemesis: NemesisConfig::Steps(steps.clone()) };
            let text = toml::to_string(&written).expect("a plan has a form in TOML");
            prop_assert_eq!(toml::from_str::<Plan>(&text).expect("its own form"), written);
            prop_assert_eq!(resolve(&text, other), steps);
        }

        #[test]
        fn each_fault_occurs_with_rests_between_and_within_the_time(seed: u64) {
            let steps = resolve(RANDOM, seed);
            for kind in ["kill", "pause", "partition", "shrink-isr"] {
                prop_assert!(steps.iter().any(|step| step.fault.name() == kind), "no {}", kind);
            }
            prop_assert!(length(&steps) <= Duration::from_secs(29));
            let mut free_from = 0;
            for step in &steps {
                let lasts = step.lasts.expect("an end").as_millis();
                prop_assert!((2_000..=5_000).contains(&lasts));
                let rest = step.at.as_millis() - free_from;
                prop_assert!((1_000..=3_000).contains(&rest));
                free_from = step.at.as_millis() + lasts;
            }
            // There was no time for one more.
            prop_assert!(free_from + 1_000 + 2_000 + 1_000 > 30_000);
        }
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(resolve(RANDOM, 1), resolve(RANDOM, 2));
    }

    #[test]
    fn the_tightest_time_that_fits_holds_every_fault() {
        let tight = RANDOM.replace("30s", "16s");
        for seed in 0..50 {
            assert_eq!(resolve(&tight, seed).len(), 5);
        }
        check_invalid(
            &RANDOM.replace("30s", "15s"),
            "random.duration: 15s is too short for 5 faults of at least 2s with rests of at least 1s: they need 16s",
        );
    }

    #[test]
    fn none_and_a_word_alone_are_enough() {
        assert_eq!(resolve("nemesis = \"none\"", 1), []);
        assert!(plan("nemesis = \"none\"").is_none());
        let steps = resolve(
            "[[nemesis.steps]]\nat = \"1s\"\nlasts = \"2s\"\nfault = \"kill\"",
            1,
        );
        assert_eq!(steps[0].fault.name(), "kill");
    }

    #[test]
    fn a_time_limit_shortens_what_it_meets() {
        let mut random = plan(RANDOM);
        random.set_duration(history::Span::from_secs(60));
        assert!(length(&random.resolve(1, &NODES, KEYS).expect("a schedule")) > Duration::from_secs(40));
        let mut steps = NemesisConfig::Steps(resolve(RANDOM, 1));
        steps.set_duration(history::Span::from_secs(10));
        assert!(length(&steps.resolve(1, &NODES, KEYS).expect("a schedule")) <= Duration::from_secs(10));
    }

    #[test]
    fn kinds_are_named_once() {
        assert_eq!(plan(RANDOM).kinds(), ["kill", "pause", "partition", "shrink-isr"]);
    }

    #[test]
    fn wrong_words_are_refused_where_they_stand() {
        let step = |fault: &str| format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
        check_refused(&step("\"kil\""), 4, "expected one of `partition`, `shrink-isr`");
        check_refused(&step("{ kil = {} }"), 4, "expected one of `partition`");
        check_refused(
            &step("{ kill = { target = \"boss\" } }"),
            4,
            "`boss` is no target: expected \"one\", \"minority\"",
        );
        check_refused(
            &step("{ kill = { target = [\"x1\"] } }"),
            4,
            "a node, such as \"n1\" or 1",
        );
        check_refused(
            &step("{ kill = { target = [] } }"),
            4,
            "an empty list is no target",
        );
        check_refused(&step("{ kill = { target = 1 } }"), 4, "or a list of nodes");
        check_refused(&step("{ kill = { aim = \"one\" } }"), 4, "unknown field `aim`");
        check_refused(
            &step("{ partition = { shape = \"ring\" } }"),
            4,
            "unknown variant `ring`",
        );
        check_refused(
            &step("{ partition = { shape = \"leader\", direction = \"in\" } }"),
            4,
            "`direction` goes with the shape `one-way` only",
        );
        check_refused(&step("{ kill = {}, pause = {} }"), 4, "a second fault, `pause`");
        check_refused(
            "[[nemesis.steps]]\nat = 5\nfault = \"kill\"",
            2,
            "such as \"1500ms\"",
        );
        check_refused(
            "[[nemesis.steps]]\nat = \"5 sec\"\nfault = \"kill\"",
            2,
            "no length of time",
        );
        check_refused(
            "[[nemesis.steps]]\nat = \"5s\"\nlast = \"1s\"\nfault = \"kill\"",
            3,
            "unknown field `last`",
        );
        check_refused("nemesis = \"nothing\"", 1, "unknown variant `nothing`");
        check_refused(
            "[nemesis.random]\nfaults = [\"kill\"]",
            1,
            "missing field `duration`",
        );
    }

    #[test]
    fn what_does_not_fit_the_cluster_is_named_by_its_path() {
        let step = |fault: &str| format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
        check_invalid(
            &step("{ kill = { target = [\"n7\"] } }"),
            "steps.0.fault.kill.target: there is no node 7: this cluster has nodes 1, 2, 3",
        );
        check_invalid(
            &step("{ kill = { target = \"leader\", key = 4 } }"),
            "steps.0.fault.kill.key: there is no key 4: the topics' partitions together are the keys 0 to 3",
        );
        check_invalid(
            &step("{ pause = { target = \"all\", key = 0 } }"),
            "steps.0.fault.pause.key: goes with the targets `leader` and `follower` only, and this one is `all`",
        );
        check_invalid(
            "[[nemesis.steps]]\nat = \"0s\"\nfault = \"kill\"",
            "steps: a step without `lasts` is in force until the others are over, and no other has an end: \
             say how long one of them `lasts`",
        );
        check_invalid(
            "[[nemesis.steps]]\nat = \"0s\"\nlasts = \"5s\"\nfault = \"kill\"\n\
             [[nemesis.steps]]\nat = \"6s\"\nfault = \"pause\"",
            "steps.1.at: a step without `lasts` is in force until the others are over, and they are at 5s: \
             say how long it lasts",
        );
        check_invalid(
            &RANDOM.replace("\"2s\", \"5s\"", "\"5s\", \"2s\""),
            "random.lasts: the shorter time goes first: [\"2s\", \"5s\"]",
        );
        let unknown = RANDOM.replace("target = \"leader\"", "target = [9]");
        check_invalid(
            &unknown,
            "random.faults.1.pause.target: there is no node 9: this cluster has nodes 1, 2, 3",
        );
    }
}
