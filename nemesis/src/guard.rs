//! What is in force now and what that takes away, so that no injection breaks the limits of the plan.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use history::NodeId;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::limits::{FaultLimits, Hit};

/// Keeps the limits at the time of the injections. Its clones share what is in force.
#[derive(Clone)]
pub(crate) struct Guard {
    limits: Arc<FaultLimits>,
    /// Brokers, and controllers that are no brokers: the limits hold for each group.
    groups: Arc<[Vec<NodeId>]>,
    held: Arc<Mutex<BTreeMap<u32, Hit>>>,
    released: Arc<Notify>,
}

impl Guard {
    pub(crate) fn new(limits: FaultLimits, groups: Vec<Vec<NodeId>>) -> Self {
        Self {
            limits: Arc::new(limits),
            groups: groups.into(),
            held: Arc::default(),
            released: Arc::default(),
        }
    }

    /// Takes a fault down as in force, unless that breaks a limit: then the error says which. One that may break it
    /// on purpose gets that sentence as a note.
    pub(crate) fn admit(&self, id: u32, hit: Hit, on_purpose: bool) -> Result<Option<String>, String> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let in_force: Vec<Hit> = held.values().cloned().collect();
        let broken = self.limits.broken_in_any(&self.groups, &in_force, &hit);
        match broken {
            Some(reason) if !on_purpose && !self.limits.exceed => Err(format!("beyond the limits: {reason}")),
            note => {
                held.insert(id, hit);
                Ok(note.map(|reason| format!("beyond the limits on purpose: {reason}")))
            }
        }
    }

    /// It is no longer in force.
    pub(crate) fn release(&self, id: u32) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&id);
        self.released.notify_waiters();
    }

    /// Waits until something is no longer in force, from the time of this call on.
    pub(crate) fn room(&self) -> Notified<'_> {
        self.released.notified()
    }
}
