//! Simulated clients as a workload that has been started, in the runtime's virtual time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cluster::Cluster;
use cluster::sim::{Guests, Happening, SimCluster, Sink, Timing, World};
use history::{Offset, Topic, TransactionLimits};
use tokio::time::{Instant, sleep};

use super::clients::Clients;
use super::config::ClientsConfig;
use super::simulate::limits_of;
use crate::arena::Running;
use crate::scribe::Counters;

/// How often it is looked whether the clients are through.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long the clients may take to end beyond what an operation may take.
const END_WITHIN: Duration = Duration::from_secs(5);

/// How long a transaction may stay open on the simulated broker, whatever clients ask for.
pub fn transaction_limits() -> TransactionLimits {
    limits_of(&Timing::TUNED)
}

/// Simulated clients at work.
pub struct SimRunning {
    cluster: Arc<SimCluster>,
    clients: Shared,
    deadline: Duration,
}

/// The clients, shared with the cluster, which tells them what happens. The cluster's lock is always taken first.
#[derive(Clone)]
struct Shared(Arc<Mutex<Clients>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guests for Shared {
    fn happened(&mut self, world: &mut World, happening: Happening, sink: &mut dyn Sink) {
        self.lock().happened(world, happening, sink);
    }
}

impl SimRunning {
    /// Starts clients on a cluster.
    pub fn start(config: ClientsConfig, topics: &[Topic], seed: u64, cluster: Arc<SimCluster>) -> Self {
        let deadline = Duration::from_nanos(config.deadline.saturating_add(2 * config.request_timeout));
        let clients = Shared(Arc::new(Mutex::new(Clients::new(config, topics, seed))));
        cluster.invite(Box::new(clients.clone()));
        cluster.with(|world, sink| clients.lock().start(world, sink));
        Self {
            cluster,
            clients,
            deadline,
        }
    }

    /// Waits until the clients say so, but no longer than that. Whether they did.
    async fn wait(&self, within: Duration, over: impl Fn(&Clients) -> bool) -> bool {
        let until = Instant::now() + within;
        while Instant::now() < until {
            if over(&self.clients.lock()) {
                return true;
            }
            sleep(LOOK_EVERY).await;
        }
        false
    }
}

#[async_trait]
impl Running for SimRunning {
    fn counters(&self) -> Arc<Counters> {
        self.clients.lock().counters()
    }

    async fn stop(&mut self) {
        self.clients.lock().stop();
        self.wait(self.deadline + END_WITHIN, Clients::are_over).await;
        self.cluster.with(|world, _| world.quiesce());
    }

    async fn final_reads(
        &mut self,
        _cluster: Arc<dyn Cluster>,
        ends: Result<Vec<Offset>, String>,
        within: Duration,
    ) -> bool {
        let nanoseconds = within.as_nanos() as u64;
        self.cluster
            .with(|world, sink| self.clients.lock().read(ends, nanoseconds, world, sink));
        self.wait(within + END_WITHIN, Clients::have_read).await;
        self.cluster
            .with(|world, sink| self.clients.lock().conclude(world, sink))
    }
}
