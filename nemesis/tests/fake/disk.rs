//! A disk that is nothing but state: it writes down what is asked of it, and has a hook bite as often as it was told.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use cluster::{Disk, DiskStats, Files, Flip, Hook, HookCounts, HookId, Loss, Lost};
use history::NodeId;

use super::Journal;

/// The disk of a node.
pub struct FakeDisk {
    node: NodeId,
    on: AtomicBool,
    next: AtomicU64,
    /// How often every hook bites.
    pub bites: AtomicU64,
    removed: Mutex<Vec<HookId>>,
    journal: Journal,
}

impl FakeDisk {
    pub fn new(node: NodeId, journal: Journal) -> Self {
        Self {
            node,
            on: AtomicBool::new(true),
            next: AtomicU64::default(),
            bites: AtomicU64::new(2),
            removed: Mutex::default(),
            journal,
        }
    }

    fn note(&self, text: &str) {
        let text = format!("{text} on {}", self.node);
        self.journal.lock().expect("the journal").push(text);
    }
}

#[async_trait]
impl Disk for FakeDisk {
    fn cut(&self) -> bool {
        self.note("cut");
        self.on.swap(false, Relaxed)
    }
    fn is_on(&self) -> bool {
        self.on.load(Relaxed)
    }
    async fn lose(&self, how: Loss) -> Result<Lost> {
        let what = if how.torn.is_some() {
            "lose some"
        } else {
            "lose all"
        };
        self.note(if how.strict { "lose strictly" } else { what });
        Ok(Lost {
            files: 1,
            bytes: 10,
            pages: 2,
            operations: 3,
        })
    }
    async fn restore(&self) -> Result<()> {
        self.on.store(true, Relaxed);
        Ok(())
    }
    fn hook(&self, hook: Hook) -> HookId {
        self.note(&format!("{:?}: {:?}", hook.operation, hook.effect));
        HookId(self.next.fetch_add(1, Relaxed))
    }
    fn counts(&self, _: HookId) -> HookCounts {
        let hit = self.bites.load(Relaxed);
        HookCounts {
            seen: hit + 1,
            hit,
            bytes: 0,
            waited: Duration::from_secs(hit),
        }
    }
    fn unhook(&self, id: HookId) -> HookCounts {
        self.note("unhook");
        let mut removed = self.removed.lock().expect("the removed");
        assert!(!removed.contains(&id), "removed twice");
        removed.push(id);
        self.counts(id)
    }
    async fn rot(&self, _: &Files, bits: u32, _: u64) -> Result<Vec<Flip>> {
        self.note(&format!("rot {bits}"));
        let flip = |offset| Flip {
            file: "a".into(),
            offset: u64::from(offset),
            mask: 1,
            was: 7,
        };
        Ok((0..bits).map(flip).collect())
    }
    async fn mend(&self, flips: &[Flip]) -> Result<u32> {
        self.note("mend");
        Ok(flips.len() as u32 - 1)
    }
    fn stats(&self) -> DiskStats {
        DiskStats::default()
    }
}
