//! The links between machines whose own packet filters cut them, and count what they drop.
//!
//! What a node sends to another is dropped as it arrives there, so that the sender cannot know. What it sends to clients
//! is dropped as it leaves: there the sending TCP hears of it no more than of a loss.

mod rules;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, anyhow, ensure};
use history::NodeId;

use crate::{Cut, Deeds, Links, Place};
pub(crate) use rules::{Filter, Rule};

/// A machine on which the tools of a packet filter can be run.
pub(crate) trait Shell: Send + Sync {
    /// Runs one as root, with that input: what it prints, where it is content.
    fn run(&self, command: &[&str], input: &str) -> Result<String>;
}

/// An end of the links.
pub(crate) struct End {
    /// The node.
    pub(crate) node: NodeId,
    /// Its address, which faults cut.
    pub(crate) address: Ipv4Addr,
    /// The address that clients have, as the node sees them.
    pub(crate) clients: Ipv4Addr,
    /// The port at which Tribunal itself is spoken to at that address, if it is.
    pub(crate) spared: Option<u16>,
    /// The tool that it has.
    pub(crate) filter: Filter,
    /// Where that is run.
    pub(crate) shell: Arc<dyn Shell>,
}

impl End {
    fn call(&self, (command, input): (&[&str], String)) -> Result<String> {
        self.shell.run(command, &input)
    }

    /// Refuses a machine on which links cannot be cut.
    pub(crate) fn check(&self) -> Result<()> {
        self.call(self.filter.check()).map(drop)
    }
}

/// The links of the data network.
pub(crate) struct FilterLinks {
    ends: BTreeMap<NodeId, End>,
    /// Whether the observer has a way of its own.
    cuts_clients: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// The cuts in force: on which nodes, and what they were last known to have dropped.
    in_force: BTreeMap<u64, (Vec<NodeId>, Deeds)>,
}

impl FilterLinks {
    pub(crate) fn new(ends: Vec<End>, cuts_clients: bool) -> Self {
        Self {
            ends: ends.into_iter().map(|end| (end.node, end)).collect(),
            cuts_clients,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, node: NodeId) -> Result<&End> {
        let end = self.ends.get(&node);
        end.with_context(|| format!("cut a link of node {node}: there is no such node"))
    }

    /// The node whose packet filter carries out a cut, and the rule there.
    fn rule(&self, cut: &Cut) -> Result<(NodeId, Rule)> {
        let ports = Rule {
            source_port: cut.source_port,
            destination_port: cut.destination_port,
            ..Rule::default()
        };
        let between = |source, destination| Rule {
            source: Some(source),
            destination: Some(destination),
            ..ports
        };
        match (cut.from, cut.to) {
            (Place::Node(from), Place::Node(node)) => {
                self.end(node)?;
                let source = Some(self.end(from)?.address);
                Ok((node, Rule { source, ..ports }))
            }
            (Place::Clients, Place::Node(node)) => {
                let end = self.end(node)?;
                Ok((node, between(end.clients, end.address)))
            }
            (Place::Node(node), Place::Clients) => {
                let end = self.end(node)?;
                Ok((node, between(end.address, end.clients)))
            }
            (Place::Clients, Place::Clients) => Err(anyhow!("cut a link between clients: there is none")),
        }
    }

    /// Does the same on several nodes at once; the results in their order.
    fn on_each<T: Send>(&self, nodes: &[NodeId], job: impl Fn(&End) -> Result<T> + Sync) -> Vec<Result<T>> {
        std::thread::scope(|scope| {
            let start = |node: &NodeId| {
                let end = &self.ends[node];
                let job = &job;
                scope.spawn(move || {
                    job(end).with_context(|| format!("change the packet filter of node {}", end.node))
                })
            };
            let threads: Vec<_> = nodes.iter().map(start).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<T>>| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("a bug in Tribunal (panic)")))
            };
            threads.into_iter().map(join).collect()
        })
    }

    /// What a cut has dropped so far; of a node that says nothing, nothing.
    fn count(&self, id: u64, nodes: &[NodeId]) -> Option<Deeds> {
        let counts = self.on_each(nodes, |end| {
            Ok(end.filter.dropped(&end.call(end.filter.list())?, id))
        });
        let mut deeds = Deeds::default();
        for count in counts {
            let count = count.ok()?;
            deeds.dropped.frames += count.frames;
            deeds.dropped.bytes += count.bytes;
        }
        Some(deeds)
    }

    /// Takes a cut away: first out of the packets' way, then whole.
    fn remove(&self, id: u64, nodes: &[NodeId]) -> Option<Deeds> {
        self.on_each(nodes, |end| {
            end.filter
                .unhook(id)
                .map_or(Ok(String::new()), |call| end.call(call))
        });
        let deeds = self.count(id, nodes);
        self.on_each(nodes, |end| end.call(end.filter.remove(id)));
        deeds
    }
}

impl Links for FilterLinks {
    fn can_cut_clients(&self) -> bool {
        self.cuts_clients
    }

    fn cut(&self, cuts: &[Cut]) -> Result<u64> {
        let clients = |cut: &Cut| cut.from == Place::Clients || cut.to == Place::Clients;
        ensure!(
            self.cuts_clients || !cuts.iter().any(clients),
            "cut clients off: the observer has no address of its own here, and would be cut off with them"
        );
        let mut rules: BTreeMap<NodeId, Vec<Rule>> = BTreeMap::new();
        for cut in cuts {
            let (node, rule) = self.rule(cut)?;
            rules.entry(node).or_default().push(rule);
        }
        let mut state = self.state();
        state.last += 1;
        let (id, nodes) = (state.last, rules.keys().copied().collect::<Vec<_>>());
        let put = self.on_each(&nodes, |end| {
            end.call(end.filter.put(id, &rules[&end.node], end.spared))
        });
        if let Err(error) = put.into_iter().collect::<Result<Vec<_>>>() {
            // Those that took it give it back; the others have nothing to give.
            self.remove(id, &nodes);
            return Err(error);
        }
        state.in_force.insert(id, (nodes, Deeds::default()));
        Ok(id)
    }

    fn report(&self, id: u64) -> Deeds {
        let mut state = self.state();
        let Some((nodes, known)) = state.in_force.get_mut(&id) else {
            return Deeds::default();
        };
        if let Some(deeds) = self.count(id, nodes) {
            *known = deeds;
        }
        *known
    }

    fn heal(&self, id: u64) -> Deeds {
        let mut state = self.state();
        let Some((nodes, known)) = state.in_force.remove(&id) else {
            return Deeds::default();
        };
        self.remove(id, &nodes).unwrap_or(known)
    }
}
