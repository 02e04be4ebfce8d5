//! The links between containers: cut by rules of each container's own packet filter, which count what they drop.
//!
//! What a node sends to another is dropped as it arrives there, so that the sender cannot know. What it sends to clients
//! is dropped as it leaves: there the sending TCP hears of it no more than of a loss. Each cut has a chain of its own, so
//! that nothing else that is in the tables (the engine's own rules for names, say) is ever touched.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, anyhow, ensure};
use history::NodeId;

use super::agent::{Agent, Ran};
use super::inside::Inside;
use crate::{Counters, Cut, Deeds, Links, Place};

/// The tools of the packet filter, which the container has to have.
const RESTORE: [&str; 2] = ["iptables-restore", "--noflush"];
const SAVE: [&str; 4] = ["iptables-save", "--counters", "--table", "filter"];
/// How the chains of ours begin.
const CHAIN: &str = "TRIBUNAL";

/// An end of the links.
pub(super) struct End {
    /// The node.
    pub(super) node: NodeId,
    /// Its address, which faults cut.
    pub(super) address: Ipv4Addr,
    /// Who changes its rules…
    pub(super) agent: Arc<Agent>,
    /// …unless this host can do so by itself.
    pub(super) inside: Option<Arc<Inside>>,
}

impl End {
    fn run(&self, command: &[&str], input: &str) -> Result<String> {
        done(match &self.inside {
            Some(inside) => inside.run(command, input)?,
            None => self.agent.run(command, input)?,
        })
    }

    /// Refuses a container in which links cannot be cut.
    pub(super) fn check(&self) -> Result<()> {
        self.run(&SAVE, "").map(drop).with_context(|| {
            format!(
                "use iptables in the container of node {}: it has to be installed there (where this host's programs are \
                 used: on this host, `apt-get install iptables`)",
                self.node
            )
        })
    }
}

/// The links of the data network.
pub(super) struct DockerLinks {
    ends: BTreeMap<NodeId, End>,
    /// The address that clients have, as nodes see them: this host's on the data network.
    clients: Ipv4Addr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// The cuts in force: on which nodes, and what they were last known to have dropped.
    in_force: BTreeMap<u64, (Vec<NodeId>, Deeds)>,
}

impl DockerLinks {
    pub(super) fn new(ends: Vec<End>, clients: Ipv4Addr) -> Self {
        Self {
            ends: ends.into_iter().map(|end| (end.node, end)).collect(),
            clients,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node whose packet filter carries out a cut, and the rule there.
    fn rule(&self, cut: &Cut) -> Result<(NodeId, String)> {
        let address = |place: Place| -> Result<Ipv4Addr> {
            let Place::Node(node) = place else {
                return Ok(self.clients);
            };
            let end = self.ends.get(&node);
            Ok(end
                .with_context(|| format!("cut a link of node {node}: there is no such node"))?
                .address)
        };
        let (node, mut rule) = match (cut.from, cut.to) {
            (from, Place::Node(node)) => (node, format!("--source {}", address(from)?)),
            (Place::Node(node), to @ Place::Clients) => (node, format!("--destination {}", address(to)?)),
            (Place::Clients, Place::Clients) => {
                return Err(anyhow!("cut a link between clients: there is none"));
            }
        };
        ensure!(
            self.ends.contains_key(&node),
            "cut a link of node {node}: there is no such node"
        );
        if cut.source_port.is_some() || cut.destination_port.is_some() {
            rule.push_str(" --protocol tcp");
        }
        for (name, port) in [
            ("source-port", cut.source_port),
            ("destination-port", cut.destination_port),
        ] {
            if let Some(port) = port {
                let _ = write!(rule, " --{name} {port}");
            }
        }
        Ok((node, rule))
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
            let saved = end.run(&SAVE, "")?;
            Ok(dropped(&saved, &chain(id)))
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
        let chain = chain(id);
        let unhook = format!("*filter\n-D INPUT -j {chain}\n-D OUTPUT -j {chain}\nCOMMIT\n");
        self.on_each(nodes, |end| end.run(&RESTORE, &unhook));
        let deeds = self.count(id, nodes);
        let delete = format!("*filter\n-F {chain}\n-X {chain}\nCOMMIT\n");
        self.on_each(nodes, |end| end.run(&RESTORE, &delete));
        deeds
    }
}

impl Links for DockerLinks {
    fn cut(&self, cuts: &[Cut]) -> Result<u64> {
        let mut rules: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        for cut in cuts {
            let (node, rule) = self.rule(cut)?;
            rules.entry(node).or_default().push(rule);
        }
        let mut state = self.state();
        state.last += 1;
        let (id, nodes) = (state.last, rules.keys().copied().collect::<Vec<_>>());
        let put = self.on_each(&nodes, |end| {
            end.run(&RESTORE, &table(&chain(id), &rules[&end.node]))
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

fn chain(id: u64) -> String {
    format!("{CHAIN}-{id}")
}

/// What puts all rules of a cut in force at one instant.
fn table(chain: &str, rules: &[String]) -> String {
    let mut text = format!("*filter\n:{chain} - [0:0]\n");
    for rule in rules {
        let _ = writeln!(text, "-A {chain} {rule} -j DROP");
    }
    let _ = write!(text, "-I INPUT -j {chain}\n-I OUTPUT -j {chain}\nCOMMIT\n");
    text
}

/// What the rules of a chain have dropped, by what `iptables-save` prints.
fn dropped(saved: &str, chain: &str) -> Counters {
    let of_chain = format!("-A {chain} ");
    let mut sum = Counters::default();
    for line in saved.lines() {
        let Some((counters, rule)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) else {
            continue;
        };
        if let (true, Some((frames, bytes))) = (rule.starts_with(&of_chain), counters.split_once(':')) {
            sum.frames += frames.parse().unwrap_or(0);
            sum.bytes += bytes.parse().unwrap_or(0);
        }
    }
    sum
}

/// What a tool printed, where it is content.
fn done(ran: Ran) -> Result<String> {
    ensure!(
        ran.status == 0,
        "it ended with status {}: {}",
        ran.status,
        ran.complaint
    );
    Ok(ran.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_a_chain_of_its_own() {
        let text = table("TRIBUNAL-7", &["--source 10.0.0.2".to_owned()]);
        let expected = "*filter\n:TRIBUNAL-7 - [0:0]\n-A TRIBUNAL-7 --source 10.0.0.2 -j DROP\n-I INPUT -j \
                        TRIBUNAL-7\n-I OUTPUT -j TRIBUNAL-7\nCOMMIT\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn only_its_own_rules_count() {
        let saved = "*filter\n:INPUT ACCEPT [9:9]\n:TRIBUNAL-1 - [0:0]\n[5:500] -A INPUT -j TRIBUNAL-1\n\
                     [3:120] -A TRIBUNAL-1 -s 10.0.0.2/32 -j DROP\n[1:40] -A TRIBUNAL-1 -s 10.0.0.3/32 -j DROP\n\
                     [7:70] -A TRIBUNAL-12 -s 10.0.0.3/32 -j DROP\nCOMMIT\n";
        let sum = dropped(saved, "TRIBUNAL-1");
        assert_eq!((sum.frames, sum.bytes), (4, 160));
    }
}
