//! What is known of the runs of a campaign, and what each of them still needs.

use std::collections::BTreeMap;

use checkers::{Validity, Verdict};
use report::RunFigures;
use serde::{Deserialize, Serialize};

use super::definition::Expect;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every promise kept.
    Valid,
    /// Nobody can say.
    Unknown,
    /// A promise broken.
    Violation,
    /// The machine would not do it: nothing was judged.
    Infrastructure,
}

impl From<Validity> for Outcome {
    fn from(validity: Validity) -> Self {
        match validity {
            Validity::Valid => Self::Valid,
            Validity::Unknown => Self::Unknown,
            Validity::Invalid => Self::Violation,
        }
    }
}

impl Outcome {
    /// Whether it is what was expected.
    pub fn is(self, expect: Expect) -> bool {
        match expect {
            Expect::Valid => self == Self::Valid,
            Expect::Violation => self == Self::Violation,
        }
    }
}

/// Why a run was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It is one of the campaign's.
    Run,
    /// It shows how often a violation comes again, with the same plan and seed.
    Confirm,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// What it is called.
    pub run: String,
    /// Why it was made.
    pub role: Role,
    /// What it came to.
    pub outcome: Outcome,
    /// Where it lies, below the campaign's directory.
    pub dir: String,
    /// How long it took.
    pub seconds: f64,
    /// The verdict in a sentence, or why there is none.
    pub summary: String,
    /// The violations by name, and how many of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anomalies: BTreeMap<String, u64>,
    /// Acknowledged writes, …
    #[serde(default)]
    pub acknowledged: u64,
    /// … those of them that were lost, …
    #[serde(default)]
    pub lost: u64,
    /// … and the faults that bit.
    #[serde(default)]
    pub faults: u64,
    /// What it is compared by with other runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Box<RunFigures>>,
}

impl Record {
    /// A run that was judged.
    pub fn judged(run: &str, role: Role, dir: String, seconds: f64, verdict: &Verdict) -> Self {
        let anomalies = verdict.anomalies.iter();
        Self {
            run: run.to_owned(),
            role,
            outcome: verdict.valid.into(),
            dir,
            seconds,
            summary: verdict.summary.clone(),
            anomalies: anomalies
                .map(|(name, found)| (name.clone(), found.count))
                .collect(),
            acknowledged: verdict.stats.acknowledged,
            lost: verdict.stats.lost,
            faults: verdict.stats.faults_bitten,
            figures: None,
        }
    }

    /// A run that came to no verdict.
    pub fn failed(run: &str, role: Role, dir: String, seconds: f64, why: String) -> Self {
        Self {
            run: run.to_owned(),
            role,
            outcome: Outcome::Infrastructure,
            dir,
            seconds,
            summary: why,
            anomalies: BTreeMap::new(),
            acknowledged: 0,
            lost: 0,
            faults: 0,
            figures: None,
        }
    }
}

/// A line of a campaign's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A run ended.
    Ended(Record),
    /// What is known of a run is forgotten: it is to be made again.
    Again {
        /// Which.
        run: String,
    },
}

impl Entry {
    /// The run that it is about.
    pub fn run(&self) -> &str {
        match self {
            Self::Ended(record) => &record.run,
            Self::Again { run } => run,
        }
    }
}

/// How often a run is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Again, where the machine would not do it.
    pub retries: u32,
    /// Again, where it found a violation that nobody expected.
    pub confirm: u32,
}

/// What is known of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Every time it was made and ended, in order.
    pub records: Vec<Record>,
    /// How often it was made, what was forgotten included: each time has a directory of its own.
    pub made: u32,
    /// How often it had found a violation before it was to be made again, …
    pub set_aside: u32,
    /// … and how many acknowledged writes were lost then.
    pub lost_then: u64,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is to be made.
    Run,
    /// It is to be made again, to know how often its violation comes.
    Confirm,
    /// Nothing.
    Nothing,
}

impl Standing {
    /// What it came to: the first verdict, or the last failure of the machine; `None` where it was not made.
    pub fn outcome(&self) -> Option<&Record> {
        let judged = self.with(Role::Run).find(|record| record.is_judged());
        judged.or_else(|| self.with(Role::Run).last())
    }

    /// How often the machine would not do it.
    pub fn failures(&self) -> u32 {
        let failed = self.with(Role::Run).filter(|record| !record.is_judged());
        failed.count() as u32
    }

    /// In how many of how many further runs its violation came again: one of the same names at least.
    pub fn confirmed(&self) -> (u32, u32) {
        let found = self.outcome();
        let again = |record: &&Record| {
            let mut names = found.into_iter().flat_map(|found| found.anomalies.keys());
            names.any(|name| record.anomalies.contains_key(name))
        };
        let judged = || self.with(Role::Confirm).filter(|record| record.is_judged());
        (judged().filter(again).count() as u32, judged().count() as u32)
    }

    /// What is to be done next.
    pub fn need(&self, expect: Expect, rules: Rules) -> Need {
        match self.outcome() {
            None => Need::Run,
            Some(record) if !record.is_judged() => {
                if self.failures() > rules.retries {
                    Need::Nothing
                } else {
                    Need::Run
                }
            }
            Some(record) if record.outcome == Outcome::Violation && expect != Expect::Violation => {
                let made = self.with(Role::Confirm).count() as u32;
                let judged = self.confirmed().1;
                // What the machine would not do is tried again here too.
                if judged < rules.confirm && made < rules.confirm + rules.retries {
                    Need::Confirm
                } else {
                    Need::Nothing
                }
            }
            Some(_) => Need::Nothing,
        }
    }

    /// Forgets what it came to, but not that a promise was broken.
    fn forget(&mut self) {
        if let Some(found) = self.outcome().filter(|found| found.outcome == Outcome::Violation) {
            let lost = found.lost;
            self.set_aside += 1;
            self.lost_then += lost;
        }
        self.records.clear();
    }

    fn with(&self, role: Role) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.role == role)
    }
}

impl Record {
    fn is_judged(&self) -> bool {
        self.outcome != Outcome::Infrastructure
    }
}

/// What is known of the runs of a campaign: what its journal says, line by line.
#[derive(Clone, Debug, Default)]
pub struct Standings(BTreeMap<String, Standing>);

impl Standings {
    /// The next line of the journal.
    pub fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Ended(record) => {
                let standing = self.0.entry(record.run.clone()).or_default();
                standing.made += 1;
                standing.records.push(record);
            }
            Entry::Again { run } => self.0.entry(run).or_default().forget(),
        }
    }

    /// What is known of one; nothing where it was never made.
    pub fn of(&self, run: &str) -> Option<&Standing> {
        self.0.get(run)
    }

    /// How many runs came to something.
    pub fn done(&self) -> usize {
        let known = self.0.values();
        known.filter(|standing| standing.outcome().is_some()).count()
    }

    /// How long a run takes, in seconds, from those that count.
    pub fn mean_seconds(&self) -> Option<f64> {
        let records = self.0.values().flat_map(|standing| &standing.records);
        let (sum, count) = records.fold((0.0, 0_u32), |(sum, count), record| {
            (sum + record.seconds, count + 1)
        });
        (count > 0).then(|| sum / f64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        retries: 2,
        confirm: 3,
    };

    fn record(role: Role, outcome: Outcome, anomaly: Option<&str>) -> Record {
        let mut record = Record::failed("a-r1", role, "runs/a-r1".to_owned(), 1.0, String::new());
        record.outcome = outcome;
        record.anomalies = anomaly.map(|name| (name.to_owned(), 1)).into_iter().collect();
        record
    }

    /// Makes what is needed until nothing is, with these outcomes one after the other; says how many were made.
    fn made(expect: Expect, outcomes: &[(Outcome, Option<&str>)]) -> (usize, Standing) {
        let mut standing = Standing::default();
        let mut outcomes = outcomes.iter();
        loop {
            let role = match standing.need(expect, RULES) {
                Need::Run => Role::Run,
                Need::Confirm => Role::Confirm,
                Need::Nothing => return (standing.records.len(), standing),
            };
            let (outcome, anomaly) = outcomes.next().expect("it ends before");
            standing.records.push(record(role, *outcome, *anomaly));
        }
    }

    const VALID: (Outcome, Option<&str>) = (Outcome::Valid, None);
    const LOST: (Outcome, Option<&str>) = (Outcome::Violation, Some("lost-write"));
    const OTHER: (Outcome, Option<&str>) = (Outcome::Violation, Some("duplicate"));
    const BROKEN: (Outcome, Option<&str>) = (Outcome::Infrastructure, None);

    #[test]
    fn what_was_expected_is_made_once() {
        assert_eq!(made(Expect::Valid, &[VALID]).0, 1);
        assert_eq!(made(Expect::Violation, &[LOST]).0, 1);
        // A control that finds nothing is no violation that could be confirmed.
        assert_eq!(made(Expect::Violation, &[VALID]).0, 1);
    }

    #[test]
    fn a_violation_is_made_again_and_its_rate_is_that_of_the_further_runs() {
        let (made, standing) = made(Expect::Valid, &[LOST, LOST, VALID, OTHER]);
        assert_eq!((made, standing.confirmed()), (4, (1, 3)));
        assert_eq!(
            standing.outcome().map(|record| record.outcome),
            Some(Outcome::Violation)
        );
    }

    #[test]
    fn the_machine_has_a_few_tries_and_is_never_a_violation() {
        let (count, standing) = made(Expect::Valid, &[BROKEN, BROKEN, BROKEN]);
        let outcome = standing.outcome().map(|record| record.outcome);
        assert_eq!((count, outcome), (3, Some(Outcome::Infrastructure)));
        let (count, standing) = made(Expect::Valid, &[BROKEN, VALID]);
        let outcome = standing.outcome().map(|record| record.outcome);
        assert_eq!(
            (count, outcome, standing.failures()),
            (2, Some(Outcome::Valid), 1)
        );
        let (count, standing) = made(Expect::Valid, &[LOST, BROKEN, LOST, LOST, BROKEN, BROKEN]);
        assert_eq!((count, standing.confirmed()), (6, (2, 2)));
    }

    #[test]
    fn what_is_to_be_made_again_is_forgotten_and_gets_another_directory() {
        let ended = |outcome| Entry::Ended(record(Role::Run, outcome, None));
        let again = Entry::Again {
            run: "a-r1".to_owned(),
        };
        let mut standings = Standings::default();
        for entry in [
            ended(Outcome::Unknown),
            again.clone(),
            ended(Outcome::Violation),
            again,
            ended(Outcome::Valid),
        ] {
            standings.add(entry);
        }
        let standing = standings.of("a-r1").expect("it was made");
        assert_eq!((standing.made, standing.records.len()), (3, 1));
        // What it had found stays known.
        assert_eq!(standing.set_aside, 1);
        assert_eq!(
            standing.outcome().map(|record| record.outcome),
            Some(Outcome::Valid)
        );
    }
}
