//! What a plan can set of the `group` workload.

use std::time::Duration;

use history::Span;
use serde::{Deserialize, Serialize};

use crate::arena::{Found, Invalid};
use crate::client::{GIVEN_UP_AFTER, GroupProtocol, GroupSettings};
use crate::log::LogConfig;

/// The group that all members of the workload are in.
const GROUP: &str = "tribunal-group";

/// The settings of the `group` workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GroupConfig {
    /// How many members the group has.
    pub members: u32,
    /// How they agree on who reads what.
    pub protocol: GroupProtocol,
    /// How the classic protocol shares partitions out; in the newer one the broker decides.
    pub assignor: Assignor,
    /// Whether each member has a `group.instance.id`, so that one that comes back in time has what it had (KIP-345).
    pub static_members: bool,
    /// When a member commits what it has read.
    pub commits: Commits,
    /// When the group gives a member up, in the classic protocol. Brokers have a least value of their own.
    pub session_timeout: Span,
    /// After how long without a poll a member leaves by itself (`max.poll.interval.ms`); no less than the session's time. Without it the
    /// client library's own, five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_poll_interval: Option<Span>,
    /// The mean time after which each member leaves in peace and comes back; without it none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_every: Option<Span>,
    /// The mean time between crashes of each member; without it none crashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_every: Option<Span>,
    /// The mean time between two reads of each member that it falls asleep over before it commits, until its group has given it up (a
    /// zombie). Without it none does. Needs `max-poll-interval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_every: Option<Span>,
    /// How many producers write what the group reads.
    pub producers: u32,
    /// Writes a second that all producers together begin.
    pub rate: u32,
    /// How long a broker may take to answer a request.
    pub request_timeout: Span,
    /// When Tribunal itself counts a write without a delivery report as `info`.
    pub deadline: Span,
    /// How often a client asks who leads, beside when it is told that it asked the wrong one.
    pub metadata_refresh: Span,
    /// How long a poll gathers records after its first.
    pub poll_timeout: Span,
    /// How many records one poll returns at most.
    pub poll_records: u32,
    /// The size of a record's value, in bytes: 8 are the number, the rest is padding.
    pub record_bytes: u32,
}

/// How the classic protocol shares partitions out (`partition.assignment.strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assignor {
    /// Eagerly: all give back what they have, then all are given anew.
    #[default]
    Range,
    /// Eagerly, one after the other.
    Roundrobin,
    /// Cooperatively: only what changes hands is given back (KIP-429).
    CooperativeSticky,
}

/// When a member commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Commits {
    /// Once it has read: at least once.
    #[default]
    After,
    /// As soon as it has fetched, before it counts as read: at most once. A member that crashes in between skips records, so this
    /// breaks the workload's promise.
    Before,
    /// The client library does by itself, every second.
    Auto,
}

impl Default for GroupConfig {
    fn default() -> Self {
        let log = LogConfig::default();
        Self {
            members: 3,
            protocol: GroupProtocol::Classic,
            assignor: Assignor::Range,
            static_members: false,
            commits: Commits::After,
            session_timeout: Span::from_secs(6),
            max_poll_interval: None,
            leave_every: None,
            crash_every: None,
            stall_every: None,
            producers: 2,
            rate: 200,
            request_timeout: log.request_timeout,
            deadline: log.deadline,
            metadata_refresh: log.metadata_refresh,
            poll_timeout: Span::from_millis(20),
            poll_records: 100,
            record_bytes: log.record_bytes,
        }
    }
}

/// More than this is no test of groups any more.
const HOUR: Span = Span::from_secs(3_600);
/// How often a library commits by itself.
const AUTO_COMMIT: Span = Span::from_secs(1);

impl GroupConfig {
    /// Everything that contradicts itself, or is out of range.
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut found = Found::default();
        found.range("members", self.members, 1, 64);
        found.range("poll-records", self.poll_records, 1, 100_000);
        let second = Span::from_secs(1);
        found.span("session-timeout", self.session_timeout, second, HOUR);
        found.span("poll-timeout", self.poll_timeout, Span::from_millis(1), second);
        for (name, every) in [
            ("leave-every", self.leave_every),
            ("crash-every", self.crash_every),
            ("stall-every", self.stall_every),
        ] {
            if let Some(every) = every {
                found.span(name, every, second, HOUR);
            }
        }
        found.polls(self.max_poll_interval, self.session_timeout);
        if self.stall_every.is_some() && self.max_poll_interval.is_none() {
            let reason = "a member asleep is given up only after `max-poll-interval`: give that as well";
            found.say("stall-every", reason.to_owned());
        }
        if self.protocol == GroupProtocol::Consumer && self.assignor != Assignor::default() {
            found.say(
                "assignor",
                "with protocol = \"consumer\" the broker shares partitions out: leave `assignor` out"
                    .to_owned(),
            );
        }
        found.all.extend(self.writes().check());
        found.all
    }

    /// The producers that write what the group reads.
    pub(super) fn writes(&self) -> LogConfig {
        LogConfig {
            producers: self.producers,
            rate: self.rate,
            request_timeout: self.request_timeout,
            deadline: self.deadline,
            metadata_refresh: self.metadata_refresh,
            record_bytes: self.record_bytes,
            ..LogConfig::default()
        }
    }

    /// How long a member sleeps so that its group has given it up.
    pub(super) fn nap(&self) -> Duration {
        self.max_poll_interval.map_or(Duration::ZERO, Span::duration) + GIVEN_UP_AFTER
    }

    /// How its members are set; each has a number.
    pub(super) fn group(&self, member: u32) -> GroupSettings {
        GroupSettings {
            id: GROUP.to_owned(),
            protocol: self.protocol,
            instance: self.static_members.then(|| format!("member-{member}")),
            assignor: match self.assignor {
                Assignor::Range => "range",
                Assignor::Roundrobin => "roundrobin",
                Assignor::CooperativeSticky => "cooperative-sticky",
            },
            session_timeout: self.session_timeout.duration(),
            max_poll_interval: self.max_poll_interval.map(Span::duration),
            auto_commit: (self.commits == Commits::Auto).then(|| AUTO_COMMIT.duration()),
        }
    }
}
