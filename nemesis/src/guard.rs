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
    /// By fault: the nodes that it starts anew, as it is being healed.
    restarting: Arc<Mutex<BTreeMap<u32, Vec<NodeId>>>>,
    released: Arc<Notify>,
}

impl Guard {
    pub(crate) fn new(limits: FaultLimits, groups: Vec<Vec<NodeId>>) -> Self {
        Self {
            limits: Arc::new(limits),
            groups: groups.into(),
            held: Arc::default(),
            restarting: Arc::default(),
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

    /// It is being healed, and starts these nodes anew.
    pub(crate) fn begin_restart(&self, id: u32, nodes: &[NodeId]) {
        let mut restarting = self.restarting.lock().unwrap_or_else(PoisonError::into_inner);
        restarting.insert(id, nodes.to_vec());
    }

    /// It starts nothing anew any more.
    pub(crate) fn end_restart(&self, id: u32) {
        let mut restarting = self.restarting.lock().unwrap_or_else(PoisonError::into_inner);
        restarting.remove(&id);
        self.released.notify_waiters();
    }

    /// Whether one of the nodes is being started anew.
    pub(crate) fn restarts_any(&self, nodes: &[NodeId]) -> bool {
        let restarting = self.restarting.lock().unwrap_or_else(PoisonError::into_inner);
        restarting.values().flatten().any(|node| nodes.contains(node))
    }

    /// Waits until something is no longer in force, from the time of this call on.
    pub(crate) fn room(&self) -> Notified<'_> {
        self.released.notified()
    }
}
