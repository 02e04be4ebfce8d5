//! What each metric is held against, and what that allows it to be.

use history::{Claim, Header, Key, Metric, Metrics, NodeId};

use crate::text::count;

/// How many replicas a partition has, and how many of them must be in sync.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    replicas: usize,
    in_sync: usize,
}

impl Needs {
    /// Of each key.
    pub(super) fn of(header: &Header) -> Vec<Self> {
        let mut needs = Vec::new();
        // A hostile header has more partitions than memory.
        let keys = crate::index::keys_of(header) as usize;
        for topic in &header.topics {
            let replicas = topic.replication_factor as usize;
            let need = Self {
                replicas,
                in_sync: (topic.min_insync_replicas as usize).min(replicas),
            };
            let room = keys - needs.len();
            needs.extend(std::iter::repeat_n(need, room.min(topic.partitions as usize)));
        }
        needs
    }
}

/// A metric that tells how things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Leaders,
    UnderReplicated,
    UnderMinIsr,
    Offline,
    Partitions,
    Active,
}

/// What is known of what a metric measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fact {
    /// It is at least so much.
    pub(super) at_least: i64,
    /// It is at most another metric of the same answer less so much.
    pub(super) all_but: Option<i64>,
    /// It is exactly so much.
    pub(super) exactly: Option<i64>,
}

impl Fact {
    /// At least this.
    fn least(number: usize) -> Self {
        Self {
            at_least: number as i64,
            ..Self::default()
        }
    }

    /// At least this, and at most all but those.
    fn between(number: usize, rest: usize) -> Self {
        Self {
            all_but: Some(rest as i64),
            ..Self::least(number)
        }
    }

    /// Whether a metric cannot stand there, where that of which it counts a part stands at `total`.
    pub(super) fn denies(&self, value: i64, total: Option<i64>) -> bool {
        let above = self
            .all_but
            .zip(total)
            .is_some_and(|(rest, total)| value > total - rest);
        let other = self.exactly.is_some_and(|exactly| value != exactly);
        value < self.at_least || above || other
    }
}

impl Rule {
    pub(super) const ALL: [Self; 6] = [
        Self::Leaders,
        Self::UnderReplicated,
        Self::UnderMinIsr,
        Self::Offline,
        Self::Partitions,
        Self::Active,
    ];

    fn metric(self) -> Metric {
        match self {
            Self::Leaders => Metric::Leaders,
            Self::UnderReplicated => Metric::UnderReplicated,
            Self::UnderMinIsr => Metric::UnderMinIsr,
            Self::Offline => Metric::OfflinePartitions,
            Self::Partitions => Metric::Partitions,
            Self::Active => Metric::ActiveControllers,
        }
    }

    /// The metric that this one counts a part of.
    fn whole(self) -> Option<Metric> {
        match self {
            Self::UnderReplicated | Self::UnderMinIsr => Some(Metric::Leaders),
            Self::Offline => Some(Metric::Partitions),
            Self::Leaders | Self::Partitions | Self::Active => None,
        }
    }

    /// Where it stands, and where what it counts a part of does.
    pub(super) fn read(self, metrics: &Metrics) -> Option<(i64, Option<i64>)> {
        let value = metrics.values.get(&self.metric())?;
        let total = self.whole().and_then(|whole| metrics.values.get(&whole));
        Some((*value, total.copied()))
    }

    /// The name that operators know it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Leaders => "LeaderCount",
            Self::UnderReplicated => "UnderReplicatedPartitions",
            Self::UnderMinIsr => "UnderMinIsrPartitionCount",
            Self::Offline => "OfflinePartitionsCount",
            Self::Partitions => "GlobalPartitionCount",
            Self::Active => "ActiveControllerCount",
        }
    }

    /// Faults that change what it is measured by.
    pub(super) fn changed_by(self) -> &'static [&'static str] {
        match self {
            Self::UnderReplicated => &["reassign", "brokers"],
            Self::UnderMinIsr => &["reassign", "brokers", "min-isr"],
            Self::Leaders | Self::Offline | Self::Partitions | Self::Active => &[],
        }
    }

    /// What contradicts it, as the end of a sentence.
    pub(super) fn because(self, fact: &Fact, total: Option<i64>) -> String {
        let least = count(fact.at_least.unsigned_abs(), "partition");
        let of = total.map_or_else(String::new, |total| format!(" (of {total} in all)"));
        let rest = fact.all_but.unwrap_or(0);
        match self {
            Self::Leaders => format!("it answered as the leader of {least}"),
            Self::UnderReplicated => format!(
                "of the workload's partitions that it led by its own word {} had fewer in sync than replicas, and {rest} had all{of}",
                fact.at_least
            ),
            Self::UnderMinIsr => format!(
                "of the workload's partitions that it led by its own word {} had fewer in sync than they need, and {rest} had enough{of}",
                fact.at_least
            ),
            Self::Offline => format!(
                "by its own word {} of the workload's partitions had no leader, and {rest} had one{of}",
                fact.at_least
            ),
            Self::Partitions => format!("by its own word there were {least} of the workload"),
            Self::Active if fact.exactly == Some(1) => {
                "it answered as the leader of the controllers' quorum".to_owned()
            }
            Self::Active => "it answered that it does not lead the controllers' quorum".to_owned(),
        }
    }
}

/// What a broker's own metadata says of itself, and the partitions that it stands by as their leader.
pub(super) fn of_partitions(
    node: NodeId,
    claims: &[Claim],
    standing: &[Key],
    needs: &[Needs],
) -> [(Rule, Fact); 2] {
    let own = claims
        .iter()
        .filter(|claim| claim.leader == Some(node) && standing.contains(&claim.key));
    let known = own.filter_map(|claim| Some((claim.isr.len(), needs.get(claim.key as usize)?)));
    let known: Vec<(usize, &Needs)> = known.collect();
    let short = |of: fn(&Needs) -> usize| known.iter().filter(|(isr, needs)| *isr < of(needs)).count();
    let (replicas, in_sync) = (short(|needs| needs.replicas), short(|needs| needs.in_sync));
    [
        (
            Rule::UnderReplicated,
            Fact::between(replicas, known.len() - replicas),
        ),
        (Rule::UnderMinIsr, Fact::between(in_sync, known.len() - in_sync)),
    ]
}

/// What a broker says of itself that stands by these partitions as their leader.
pub(super) fn of_standing(standing: &[Key]) -> (Rule, Fact) {
    (Rule::Leaders, Fact::least(standing.len()))
}

/// What a controller's own metadata says of all partitions.
pub(super) fn of_all(claims: &[Claim]) -> [(Rule, Fact); 2] {
    let led = claims.iter().filter(|claim| claim.leader.is_some()).count();
    [
        (Rule::Offline, Fact::between(claims.len() - led, led)),
        (Rule::Partitions, Fact::least(claims.len())),
    ]
}

/// Whether it is the active controller.
pub(super) fn of_quorum(leads: bool) -> (Rule, Fact) {
    let exactly = Some(i64::from(leads));
    (
        Rule::Active,
        Fact {
            exactly,
            ..Fact::default()
        },
    )
}
