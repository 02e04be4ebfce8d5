//! Links that are nothing but state.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use cluster::{Counters, Cut, Deeds, LinkRule, Links, Place, Waits};

use super::Journal;

#[derive(Default)]
pub(super) struct FakeLinks {
    pub(super) next: AtomicU64,
    /// Cuts drop nothing.
    pub(super) idle: AtomicBool,
    /// They can be cut and nothing else.
    pub(super) cuts_only: AtomicBool,
    pub(super) journal: Journal,
}

impl Links for FakeLinks {
    fn cut(&self, cuts: &[Cut]) -> Result<u64> {
        let id = self.next.fetch_add(1, Relaxed);
        let cuts: Vec<_> = cuts.iter().map(describe).collect();
        self.journal
            .lock()
            .expect("the journal")
            .push(format!("cut {id}: {}", cuts.join(" ")));
        Ok(id)
    }
    fn can_shape(&self) -> bool {
        !self.cuts_only.load(Relaxed)
    }
    fn shape(&self, rules: &[LinkRule], seed: u64) -> Result<u64> {
        let id = self.next.fetch_add(1, Relaxed);
        let effect = rules
            .first()
            .map(|rule| rule.effect.to_string())
            .unwrap_or_default();
        let ways = rules.iter().map(|rule| {
            let service = rule.service.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}>{}{service}", place(rule.from), place(rule.to))
        });
        let ways = ways.collect::<Vec<_>>().join(" ");
        let text = format!("{effect} {id} by {seed}: {ways}");
        self.journal.lock().expect("the journal").push(text);
        Ok(id)
    }
    /// Everything that a switch can do to 12 frames, so that each fault has to look at what is its own.
    fn report(&self, _: u64) -> Deeds {
        if self.idle.load(Relaxed) {
            return Deeds::default();
        }
        let counters = |frames| Counters {
            frames,
            bytes: frames * 100,
        };
        let waits = |milliseconds: u64| Waits {
            frames: 4,
            total: Duration::from_millis(milliseconds * 4),
            longest: Duration::from_millis(milliseconds * 2),
        };
        Deeds {
            seen: counters(40),
            dropped: counters(12),
            delayed: waits(20),
            throttled: waits(30),
            overflowed: counters(1),
            duplicated: counters(2),
            reordered: counters(3),
            corrupted: counters(5),
            released: counters(0),
            downs: 6,
        }
    }
    fn heal(&self, id: u64) -> Deeds {
        self.journal
            .lock()
            .expect("the journal")
            .push(format!("heal {id}"));
        self.report(id)
    }
}

pub(super) fn place(place: Place) -> String {
    match place {
        Place::Node(node) => node.to_string(),
        Place::Clients => "c".to_owned(),
    }
}

/// A cut as `1>2`, `c>2`, `1>2:9092` (to the port) or `1:9092>2` (from the port).
pub(super) fn describe(cut: &Cut) -> String {
    let port = |port: Option<u16>| port.map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{}{}>{}{}",
        place(cut.from),
        port(cut.source_port),
        place(cut.to),
        port(cut.destination_port)
    )
}
