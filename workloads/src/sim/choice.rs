//! What a client does next: drawn from its own dice, in the manner of Jepsen's generators.

use cluster::sim::Dice;
use history::Key;

use super::book::Book;
use super::consumer::Consumer;

/// What a client is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It only writes.
    Producer,
    /// It only reads, from these partitions where it does not subscribe.
    Consumer(Vec<Key>),
    /// It does both.
    Mixed,
    /// It reads everything at the end.
    Reader,
}

/// An operation to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Send(Key),
    Poll,
    /// Sends to these partitions, and polls.
    Transaction(Vec<Option<Key>>),
    Assign {
        keys: Vec<Key>,
        from_beginning: bool,
    },
    Subscribe(Vec<Key>),
}

/// What comes next. A consumer that reads nothing begins with that.
pub(super) fn choose(role: &Role, dice: &mut Dice, book: &Book, consumer: &Consumer) -> Choice {
    let keys: Vec<Key> = book.topics.iter().flatten().copied().collect();
    if let Some(lost) = consumer.lost() {
        return from_beginning(lost.clone());
    }
    match role {
        Role::Producer => Choice::Send(key(dice, &keys)),
        Role::Consumer(_) | Role::Reader if !consumer.is_idle() => Choice::Poll,
        Role::Consumer(_) if book.config.subscribe => Choice::Subscribe(keys),
        Role::Consumer(own) => from_beginning(own.clone()),
        Role::Reader => from_beginning(keys),
        Role::Mixed if consumer.is_idle() || dice.chance(book.config.assign_per_mille) => {
            read_others(dice, book, &keys)
        }
        Role::Mixed if book.config.transactions => Choice::Transaction(steps(dice, book, &keys)),
        Role::Mixed if dice.chance(500) => Choice::Send(key(dice, &keys)),
        Role::Mixed => Choice::Poll,
    }
}

fn from_beginning(keys: Vec<Key>) -> Choice {
    Choice::Assign {
        keys,
        from_beginning: true,
    }
}

fn key(dice: &mut Dice, keys: &[Key]) -> Key {
    dice.pick(keys).copied().unwrap_or_default()
}

fn steps(dice: &mut Dice, book: &Book, keys: &[Key]) -> Vec<Option<Key>> {
    let count = dice.between(1, u64::from(book.config.steps_max.max(1)));
    (0..count)
        .map(|_| dice.chance(500).then(|| key(dice, keys)))
        .collect()
}

fn read_others(dice: &mut Dice, book: &Book, keys: &[Key]) -> Choice {
    if book.config.subscribe {
        let some = dice.pick(&book.topics).cloned().unwrap_or_default();
        let all = book.topics.len() < 2 || dice.chance(500);
        return Choice::Subscribe(if all { keys.to_vec() } else { some });
    }
    let mut some: Vec<Key> = keys.iter().copied().filter(|_| dice.chance(600)).collect();
    if some.is_empty() {
        some.push(key(dice, keys));
    }
    Choice::Assign {
        keys: some,
        from_beginning: dice.chance(600),
    }
}
