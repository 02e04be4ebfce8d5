//! Metrics that tell how things stand, against what the same process said of itself at that time.

use std::collections::BTreeMap;

use history::{Claim, Key, Metrics, NodeId, Stand};

use super::rule::{Fact, Needs, Rule, of_all, of_partitions, of_quorum, of_standing};
use crate::context::distinct;

/// For so long what a broker says of itself stands before its metrics are held against it: it works on changes one after the other.
const SETTLED: u64 = 2_000_000_000;
/// What was said last is of the present for so long: it is said again once a second.
const FRESH: u64 = 2_500_000_000;
/// So long a metric contradicts in every answer before it is called a lie…
const SUSTAINED: u64 = 5_000_000_000;
/// …and in so many answers, at least.
const ANSWERS_MIN: u32 = 3;

/// A metric that contradicted what its own broker said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lie {
    pub(super) rule: Rule,
    pub(super) process: (NodeId, u32),
    /// The first and the last answer that did.
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) answers: u32,
    /// Where it stood last.
    pub(super) value: i64,
    pub(super) fact: Fact,
    pub(super) total: Option<i64>,
}

/// What is known, and since when.
#[derive(Clone, Copy, Debug)]
struct Known {
    fact: Fact,
    since: u64,
    confirmed: u64,
}

/// Contradictions one after the other.
#[derive(Clone, Copy, Debug)]
struct Streak {
    from: u64,
    answers: u32,
    reported: bool,
}

/// One node's newest process.
#[derive(Debug, Default)]
pub(super) struct Node {
    incarnation: u32,
    /// What its metadata said last, and when.
    claims: Option<(u64, Vec<Claim>)>,
    /// The partitions that it stood by as leader of when it was asked last, and when.
    standing: Option<(u64, Vec<Key>)>,
    known: BTreeMap<Rule, Known>,
    streaks: BTreeMap<Rule, Streak>,
}

impl Node {
    /// The next answer is of this process: what was known of another is of no use.
    pub(super) fn is_process(&mut self, incarnation: u32) {
        if self.incarnation != incarnation {
            *self = Self {
                incarnation,
                ..Self::default()
            };
        }
    }

    pub(super) fn metadata(&mut self, node: NodeId, time: u64, claims: &[Claim], needs: &[Needs]) {
        self.claims = Some((time, claims.to_vec()));
        for (rule, fact) in of_all(claims) {
            self.know(rule, fact, time, time);
        }
        self.partitions(node, time, needs);
    }

    pub(super) fn stands(&mut self, node: NodeId, time: u64, stands: &[Stand], needs: &[Needs]) {
        let stood_by = stands.iter().filter(|stand| stand.refused.is_none());
        let keys = distinct(stood_by.map(|stand| stand.key));
        let (rule, fact) = of_standing(&keys);
        self.know(rule, fact, time, time);
        self.standing = Some((time, keys));
        self.partitions(node, time, needs);
    }

    /// What its metadata and what it stands by say together, while both are of the present: as old as the older of the two.
    fn partitions(&mut self, node: NodeId, time: u64, needs: &[Needs]) {
        let Some(((claimed, claims), (stood, standing))) = self.claims.as_ref().zip(self.standing.as_ref())
        else {
            return;
        };
        let confirmed = *claimed.min(stood);
        if time.saturating_sub(confirmed) > FRESH {
            return;
        }
        for (rule, fact) in of_partitions(node, claims, standing, needs) {
            self.know(rule, fact, time, confirmed);
        }
    }

    /// Whether it leads the quorum. One that was elected just now is active once it knows up to where the log is committed; until
    /// then nothing is known.
    pub(super) fn quorum(&mut self, time: u64, leads: bool, certain: bool) {
        if certain {
            let (rule, fact) = of_quorum(leads);
            self.know(rule, fact, time, time);
        } else {
            self.known.remove(&Rule::Active);
            self.streaks.remove(&Rule::Active);
        }
    }

    /// Something is known from this time on, of answers of which the oldest came at that time.
    fn know(&mut self, rule: Rule, fact: Fact, time: u64, confirmed: u64) {
        match self.known.get_mut(&rule) {
            Some(known) if known.fact == fact && time.saturating_sub(known.confirmed) <= FRESH => {
                known.confirmed = confirmed;
            }
            _ => {
                let known = Known {
                    fact,
                    since: time,
                    confirmed,
                };
                self.known.insert(rule, known);
                self.streaks.remove(&rule);
            }
        }
    }

    /// The lies that an answer makes certain.
    pub(super) fn metrics(
        &mut self,
        process: (NodeId, u32),
        asked: u64,
        time: u64,
        metrics: &Metrics,
    ) -> Vec<Lie> {
        let held = Rule::ALL
            .into_iter()
            .filter_map(|rule| self.hold(rule, process, asked, time, metrics));
        held.collect()
    }

    fn hold(
        &mut self,
        rule: Rule,
        process: (NodeId, u32),
        asked: u64,
        time: u64,
        metrics: &Metrics,
    ) -> Option<Lie> {
        let known = self.known.get(&rule).copied();
        let contradicted = known
            .filter(|known| known.since.saturating_add(SETTLED) <= asked)
            .filter(|known| time.saturating_sub(known.confirmed) <= FRESH)
            .zip(rule.read(metrics))
            .filter(|(known, (value, total))| known.fact.denies(*value, *total));
        let Some((known, (value, total))) = contradicted else {
            self.streaks.remove(&rule);
            return None;
        };
        let streak = self.streaks.entry(rule).or_insert(Streak {
            from: time,
            answers: 0,
            reported: false,
        });
        streak.answers += 1;
        let certain = asked.saturating_sub(streak.from) >= SUSTAINED && streak.answers >= ANSWERS_MIN;
        if !certain || streak.reported {
            return None;
        }
        streak.reported = true;
        Some(Lie {
            rule,
            process,
            from: streak.from,
            until: time,
            answers: streak.answers,
            value,
            fact: known.fact,
            total,
        })
    }
}
