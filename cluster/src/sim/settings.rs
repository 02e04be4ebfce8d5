//! What a simulated cluster is made of.

use history::Topic;

use super::bug::Bug;

/// A millisecond of virtual time, in nanoseconds.
pub const MILLISECOND: u64 = 1_000_000;

/// Everything that decides how a simulated cluster behaves: the same settings and the same requests at the same
/// times give the same answers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Every random choice comes from it.
    pub seed: u64,
    /// How many nodes: each is broker and controller.
    pub nodes: u32,
    /// The topics, whose partitions together are the keys.
    pub topics: Vec<Topic>,
    /// How long things take.
    pub timing: Timing,
    /// How messages travel.
    pub network: Network,
    /// The bugs, and from when on each of them waits for its occasion, in nanoseconds.
    pub bugs: Vec<(Bug, u64)>,
}

/// How long things take, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a node looks after its affairs.
    pub tick: u64,
    /// After how long without a heartbeat a node is fenced.
    pub session: u64,
    /// After how long behind its leader a follower leaves the ISR.
    pub lag: u64,
    /// After how long without a majority another controller is elected.
    pub election: u64,
    /// After how long the coordinator aborts a transaction that nobody ends.
    pub transaction: u64,
    /// After how long without a heartbeat a member is thrown out of its group.
    pub member: u64,
    /// How often the observer asks each node.
    pub probe: u64,
}

impl Timing {
    /// As a real cluster's with tuned timeouts.
    pub const TUNED: Self = Self {
        tick: 100 * MILLISECOND,
        session: 2_000 * MILLISECOND,
        lag: 1_500 * MILLISECOND,
        election: 1_000 * MILLISECOND,
        transaction: 10_000 * MILLISECOND,
        member: 3_000 * MILLISECOND,
        probe: 80 * MILLISECOND,
    };

    /// Several times faster, so that much happens in few operations.
    pub const QUICK: Self = Self {
        tick: 30 * MILLISECOND,
        session: 250 * MILLISECOND,
        lag: 200 * MILLISECOND,
        election: 150 * MILLISECOND,
        transaction: 1_000 * MILLISECOND,
        member: 400 * MILLISECOND,
        probe: 50 * MILLISECOND,
    };
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The shortest and the longest time that a message takes, in nanoseconds.
    pub delay: (u64, u64),
    /// Of a thousand messages between clients and nodes, those that take much longer…
    pub slow_per_mille: u32,
    /// …namely a time between these.
    pub slow: (u64, u64),
    /// Of a thousand answers to clients, those that are lost.
    pub lost_per_mille: u32,
}

impl Network {
    /// One that delays a little and loses nothing.
    pub const CALM: Self = Self {
        delay: (MILLISECOND / 10, MILLISECOND),
        slow_per_mille: 0,
        slow: (0, 0),
        lost_per_mille: 0,
    };
}
