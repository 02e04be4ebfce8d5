//! The checks, a file each.

pub(crate) mod assumptions;
pub(crate) mod availability;
pub(crate) mod bank;
pub(crate) mod controllers;
pub(crate) mod effect;
pub(crate) mod eos;
pub(crate) mod groups;
pub(crate) mod leadership;
pub(crate) mod liveness;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod ordering;
pub(crate) mod queue;
pub(crate) mod replicas;
pub(crate) mod retention;
pub(crate) mod timestamps;
pub(crate) mod transactions;
pub(crate) mod txn;
