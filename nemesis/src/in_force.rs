//! The faults in force now, for the progress line.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use history::NodeId;

/// One fault in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultInForce {
    /// Its number in the schedule.
    pub id: u32,
    /// Its word in the list of faults.
    pub kind: &'static str,
    /// Whom it hits.
    pub nodes: Vec<NodeId>,
}

/// A handle on the faults in force; its clones share them.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    faults: Arc<Mutex<BTreeMap<u32, FaultInForce>>>,
}

impl InForce {
    /// The faults in force, in the order of the schedule.
    pub fn list(&self) -> Vec<FaultInForce> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn enter(&self, fault: FaultInForce) {
        self.lock().insert(fault.id, fault);
    }

    pub(crate) fn leave(&self, id: u32) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, FaultInForce>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
