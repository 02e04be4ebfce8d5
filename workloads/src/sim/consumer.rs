//! A client's consuming half: what it reads, and where it stands.

use std::collections::BTreeMap;

use cluster::sim::{Part, Position, Progress, World};
use history::{Key, NodeId, Offset, Record};

/// What a client reads. Thrown away with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumer {
    assigned: Vec<Assigned>,
    member: Option<Membership>,
    /// What it has to read anew, as the log was cut off behind it.
    lost: Option<Vec<Key>>,
    /// What the group gave it, until its next operation begins.
    news: Option<Vec<(Key, Offset)>>,
}

/// A partition that is read.
#[derive(Clone, Copy, Debug)]
struct Assigned {
    key: Key,
    position: Position,
    /// Whether anything was read from it since it was assigned.
    read: bool,
}

/// A membership in the group.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) member: u32,
    pub(super) generation: u32,
    pub(super) keys: Vec<Key>,
}

/// Where a consumer stood, to go back to.
#[derive(Clone, Debug, Default)]
pub(super) struct Stand(Vec<(Key, Position)>);

impl Consumer {
    /// It cannot read on from where it stands.
    pub(super) fn lose(&mut self) {
        let lost = self.member.is_none().then(|| self.keys());
        *self = Self {
            lost,
            ..Self::default()
        };
    }

    /// What it has to read anew.
    pub(super) fn lost(&self) -> Option<&Vec<Key>> {
        self.lost.as_ref()
    }

    /// Whether it reads nothing, nor waits for its group to give it something.
    pub(super) fn is_idle(&self) -> bool {
        self.assigned.is_empty() && self.member.is_none()
    }

    pub(super) fn member(&self) -> Option<&Membership> {
        self.member.as_ref()
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.assigned.iter().map(|assigned| assigned.key).collect()
    }

    /// The partitions that it reads, by leader. Those without one it knows are left out.
    pub(super) fn by_leader(
        &self,
        leaders: &[(Option<NodeId>, i32)],
    ) -> BTreeMap<NodeId, Vec<(Key, Position)>> {
        let mut by_leader: BTreeMap<NodeId, Vec<_>> = BTreeMap::new();
        for assigned in &self.assigned {
            if let Some(leader) = leaders.get(assigned.key as usize).and_then(|leader| leader.0) {
                let of_leader = by_leader.entry(leader).or_default();
                of_leader.push((assigned.key, assigned.position));
            }
        }
        by_leader
    }

    /// Reads these partitions from now on: where it stood, from the beginning, or else from the end.
    pub(super) fn assign(&mut self, keys: &[Key], from_beginning: bool) {
        let before = std::mem::take(&mut self.assigned);
        let fresh = if from_beginning {
            Position::At(0)
        } else {
            Position::End
        };
        let assign = |key: &Key| {
            let held = before.iter().find(|assigned| assigned.key == *key);
            match held.filter(|_| !from_beginning) {
                Some(held) => *held,
                None => Assigned {
                    key: *key,
                    position: fresh,
                    read: false,
                },
            }
        };
        self.assigned = keys.iter().map(assign).collect();
        self.member = None;
        self.news = None;
        self.lost = None;
    }

    /// Reads from now on what the group gives it.
    pub(super) fn subscribe(&mut self, member: u32, keys: Vec<Key>) {
        self.assigned.clear();
        self.news = None;
        self.member = Some(Membership {
            member,
            generation: 0,
            keys,
        });
    }

    /// The group gives it partitions; it takes them over when its next operation begins.
    pub(super) fn hear(&mut self, generation: u32, keys: Vec<(Key, Offset)>) {
        if let Some(member) = self
            .member
            .as_mut()
            .filter(|member| member.generation < generation)
        {
            member.generation = generation;
            self.news = Some(keys);
        }
    }

    /// Takes over what the group gave: the partitions that came or went.
    pub(super) fn rebalance(&mut self) -> Vec<Key> {
        let Some(news) = self.news.take() else {
            return Vec::new();
        };
        let before = self.keys();
        let given: Vec<Key> = news.iter().map(|(key, _)| *key).collect();
        let mut moved: Vec<Key> = before
            .iter()
            .filter(|key| !given.contains(key))
            .copied()
            .collect();
        self.assigned.retain(|assigned| given.contains(&assigned.key));
        for (key, offset) in news {
            if !before.contains(&key) {
                moved.push(key);
                self.assigned.push(Assigned {
                    key,
                    position: Position::At(offset),
                    read: false,
                });
            }
        }
        moved.sort_unstable();
        moved
    }

    /// Takes what came of a fetch. `last`: the operation polls no more after that.
    pub(super) fn take(
        &mut self,
        world: &mut World,
        mut part: Part,
        last: bool,
        records: &mut Vec<Record>,
    ) -> Taken {
        let Some(assigned) = self.assigned.iter_mut().find(|assigned| assigned.key == part.key) else {
            return Taken::Something;
        };
        world.tamper(&mut part, assigned.read, last);
        match part.next {
            Ok(next) => assigned.position = Position::At(next),
            Err(cluster::sim::Refusal::OffsetOutOfRange) => return Taken::Lost,
            Err(_) => return Taken::WrongNode,
        }
        let record = |(offset, value)| Record {
            key: part.key,
            offset,
            value,
        };
        records.extend(part.records.into_iter().map(record));
        Taken::Something
    }

    /// An operation succeeded that read these.
    pub(super) fn has_read(&mut self, records: &[Record]) {
        for assigned in &mut self.assigned {
            assigned.read |= records.iter().any(|record| record.key == assigned.key);
        }
    }

    pub(super) fn stand(&self) -> Stand {
        let stand = self.assigned.iter();
        Stand(stand.map(|assigned| (assigned.key, assigned.position)).collect())
    }

    /// Goes back to where it stood, in what it still reads.
    pub(super) fn go_back(&mut self, stand: &Stand) {
        for (key, position) in &stand.0 {
            if let Some(assigned) = self.assigned.iter_mut().find(|assigned| assigned.key == *key) {
                assigned.position = *position;
            }
        }
    }

    /// What a member of the group tells of its reading.
    pub(super) fn progress(&self) -> Option<Progress> {
        let member = self.member.as_ref()?;
        let offset = |assigned: &Assigned| match assigned.position {
            Position::At(offset) => Some((assigned.key, offset)),
            Position::End => None,
        };
        Some(Progress {
            member: member.member,
            generation: member.generation,
            offsets: self.assigned.iter().filter_map(offset).collect(),
        })
    }

    /// The first partition that is not read to its end: where it stands, and the end.
    pub(super) fn behind(&self, ends: &[Offset]) -> Option<(Key, Offset, Offset)> {
        let at = |key: Key| {
            let assigned = self.assigned.iter().find(|assigned| assigned.key == key);
            match assigned.map(|assigned| assigned.position) {
                Some(Position::At(offset)) => offset,
                Some(Position::End) | None => 0,
            }
        };
        let ends = (0..).zip(ends);
        let mut behind = ends.map(|(key, end)| (key, at(key), *end));
        behind.find(|(_, at, end)| at < end)
    }
}

/// What came of a fetch in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Something,
    WrongNode,
    Lost,
}
