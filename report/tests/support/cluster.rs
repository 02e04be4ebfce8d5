//! A small model of a cluster's life that is turned into a history: who leads when, who is asked what, who
//! writes where. Deterministic, so that pages and snapshots stay the same.

use history::{
    Claim, Event, Expectation, F, FORMAT, Fault, FaultStep, FinalReads, Header, History, Key, Metadata,
    NodeChange, NodeId, Observed, Op, Phase, Probe, ProducerPromise, Quorum, Send, Silence, Topic, VERSION,
    What,
};

pub const MS: u64 = 1_000_000;
const OBSERVED_EVERY_MS: u64 = 200;
const DEADLINE_MS: u64 = 2_500;

/// One leadership of one partition.
#[derive(Clone)]
pub struct Lead {
    pub key: Key,
    pub epoch: i32,
    pub leader: NodeId,
    /// From when the others know of it, in milliseconds.
    pub from: u64,
    /// Until when it takes writes.
    pub serves_until: u64,
    /// ISRs from their times on.
    pub isr: Vec<(u64, Vec<NodeId>)>,
}

/// A controller's term.
pub struct Term {
    pub node: NodeId,
    pub number: i32,
    pub from: u64,
    pub until: u64,
}

/// A fault's life, in milliseconds.
pub struct Trouble {
    pub kind: &'static str,
    pub nodes: Vec<NodeId>,
    pub detail: String,
    pub from: u64,
    pub until: u64,
    /// `None`: skipped, for the reason in `evidence`.
    pub bit: Option<bool>,
    pub evidence: String,
}

/// What happens in a run.
pub struct Script {
    pub header: Header,
    pub phases: Vec<(u64, Phase)>,
    /// The leaderships of each key.
    pub leads: Vec<Vec<Lead>>,
    pub terms: Vec<Term>,
    pub troubles: Vec<Trouble>,
    /// Windows in which a node is cut from its peers, so that what it says is as old as the window's start.
    pub cut: Vec<(NodeId, u64, u64)>,
    /// Windows in which a node does not answer; with `true` its process is gone.
    pub silent: Vec<(NodeId, u64, u64, bool)>,
    /// For each key, the windows in which it is written to: from, to, how many writes.
    pub writes: Vec<(Key, u64, u64, u64)>,
    pub end: u64,
}

/// Leaderships sorted by their keys.
pub fn by_key(leads: Vec<Lead>) -> Vec<Vec<Lead>> {
    let keys = leads.iter().map(|lead| lead.key + 1).max().unwrap_or(0);
    let mut sorted = vec![Vec::new(); keys as usize];
    for lead in leads {
        sorted[lead.key as usize].push(lead);
    }
    sorted
}

/// How many processes of a node had ended before this time.
fn incarnation(script: &Script, node: NodeId, at: u64) -> u32 {
    let ended = script
        .silent
        .iter()
        .filter(|(n, from, _, gone)| *n == node && *gone && *from < at);
    ended.count() as u32
}

pub fn header(plan: &str, seed: u64, partitions: u32, acks: &str) -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: plan.to_owned(),
        seed,
        broker: "kafka-4.4.0".to_owned(),
        client: None,
        started: "2026-08-14T09:30:12Z".to_owned(),
        nodes: vec![1, 2, 3],
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: vec![Topic {
            name: "log".to_owned(),
            partitions,
            replication_factor: 3,
            min_insync_replicas: if acks == "all" { 2 } else { 1 },
            unclean_election: false,
            config: std::collections::BTreeMap::new(),
        }],
        expect: Expectation {
            minimum_acknowledged: 200,
            required_faults: vec!["partition".to_owned()],
            without_faults: false,
            producers: ProducerPromise::AtLeastOnce,
            acks: acks.to_owned(),
            ..Expectation::default()
        },
    }
}

/// The history of a script.
pub fn play(script: &Script) -> History {
    let mut events = Vec::new();
    events.extend(
        script
            .phases
            .iter()
            .map(|(at, phase)| event(*at * MS, What::Phase(*phase))),
    );
    processes(script, &mut events);
    observations(script, &mut events);
    faults(script, &mut events);
    sends(script, &mut events);
    events.push(event(
        script.end * MS,
        What::FinalReads(FinalReads {
            complete: true,
            reason: None,
            ends: Vec::new(),
            process: 99,
        }),
    ));
    events.sort_by_key(|event| event.time);
    History {
        header: script.header.clone(),
        events,
        truncated: false,
    }
}

fn event(time: u64, what: What) -> Event {
    Event { time, what }
}

fn processes(script: &Script, events: &mut Vec<Event>) {
    let change = |at: u64, node, incarnation, state: &str, running| {
        event(
            at * MS,
            What::Node(NodeChange {
                node,
                incarnation,
                state: state.to_owned(),
                running,
            }),
        )
    };
    for node in &script.header.nodes {
        events.push(change(400 + u64::from(*node) * 12, *node, 0, "started", true));
    }
    for (node, from, until, _) in script.silent.iter().filter(|(.., gone)| *gone) {
        events.push(change(
            *from,
            *node,
            incarnation(script, *node, *from),
            "killed by signal 9",
            false,
        ));
        events.push(change(
            *until,
            *node,
            incarnation(script, *node, *until),
            "started",
            true,
        ));
    }
}

fn observations(script: &Script, events: &mut Vec<Event>) {
    for node in &script.header.nodes {
        let mut at = 2_600 + u64::from(*node) * 17;
        while at < script.end {
            for answer in answers(script, *node, at) {
                let observed = Observed {
                    node: *node,
                    incarnation: incarnation(script, *node, at),
                    asked: at * MS - 2 * MS,
                    answer,
                };
                events.push(event(at * MS + noise(at) % MS, What::Observed(observed)));
            }
            at += OBSERVED_EVERY_MS;
        }
    }
}

fn answers(script: &Script, node: NodeId, at: u64) -> Vec<Probe> {
    let is_silent = script
        .silent
        .iter()
        .any(|(n, from, until, _)| *n == node && (*from..*until).contains(&at));
    if is_silent {
        let reason = "no answer in 500 ms".to_owned();
        return vec![Probe::Silent(Silence {
            asked_for: "metadata".to_owned(),
            reason,
        })];
    }
    let known = script
        .cut
        .iter()
        .find(|(n, from, until)| *n == node && (*from..*until).contains(&at));
    let known_at = known.map_or(at, |(_, from, _)| *from);
    let claims = (0..script.header.keys())
        .filter_map(|key| claim(script, key, known_at))
        .collect();
    let term = script
        .terms
        .iter()
        .find(|term| term.node == node && (term.from..term.until).contains(&at));
    let quorum = term.map_or(Probe::NotLeader, |term| {
        Probe::Quorum(Quorum {
            leader: node,
            epoch: term.number,
            high_watermark: at as i64,
            voters: Vec::new(),
        })
    });
    vec![Probe::Metadata(Metadata { claims }), quorum]
}

fn claim(script: &Script, key: Key, at: u64) -> Option<Claim> {
    let lead = script.leads[key as usize].iter().rfind(|lead| lead.from <= at)?;
    let (_, isr) = lead.isr.iter().rfind(|(from, _)| *from <= at)?;
    Some(Claim {
        key,
        leader: Some(lead.leader),
        epoch: lead.epoch,
        isr: isr.clone(),
    })
}

fn faults(script: &Script, events: &mut Vec<Event>) {
    for (id, trouble) in (0..).zip(&script.troubles) {
        let step = |at: u64, step| {
            let (kind, detail, nodes) = (
                trouble.kind.to_owned(),
                trouble.detail.clone(),
                trouble.nodes.clone(),
            );
            event(
                at * MS,
                What::Fault(Fault {
                    id,
                    kind,
                    nodes,
                    detail,
                    impairs: None,
                    step,
                }),
            )
        };
        let Some(bit) = trouble.bit else {
            events.push(step(
                trouble.from,
                FaultStep::Skipped {
                    reason: trouble.evidence.clone(),
                },
            ));
            continue;
        };
        events.push(step(trouble.from - 15, FaultStep::Injecting));
        events.push(step(trouble.from, FaultStep::Injected));
        events.push(step(trouble.until - 12, FaultStep::Healing));
        let evidence = trouble.evidence.clone();
        events.push(step(trouble.until, FaultStep::Healed { bit, evidence }));
    }
}

/// Writes at even distances in their windows. Where nobody takes a write it waits, and may run out of time.
fn sends(script: &Script, events: &mut Vec<Event>) {
    let mut number = 0;
    let mut ends = vec![0; script.header.keys() as usize];
    for (key, from, until, count) in &script.writes {
        for index in 0..*count {
            let at = (from * MS) + (until - from) * MS / count * index;
            let op = number;
            number += 1;
            let send = Send {
                key: *key,
                value: op,
                offset: None,
                broker: None,
            };
            let make = |send, error| Op {
                error,
                ..Op::new(*key, op, F::Send(send))
            };
            events.push(event(at, What::Invoke(make(send.clone(), None))));
            let (done, what) = match taker(&script.leads[*key as usize], at / MS) {
                Some((broker, wait)) => {
                    let offset = Some(ends[*key as usize]);
                    ends[*key as usize] += 1;
                    let send = Send {
                        offset,
                        broker: Some(broker),
                        ..send
                    };
                    let spread = 1_200_000 + noise(op) % 2_500_000;
                    let tail = if op % 97 == 0 { 38 * MS } else { 0 };
                    (at + wait * MS + spread + tail, What::Ok(make(send, None)))
                }
                None => (
                    at + DEADLINE_MS * MS,
                    What::Info(make(send, Some("Local: Message timed out".to_owned()))),
                ),
            };
            events.push(event(done, what));
        }
    }
}

/// Who takes a write and after how many milliseconds.
fn taker(leads: &[Lead], at: u64) -> Option<(NodeId, u64)> {
    let serving = leads
        .iter()
        .find(|lead| lead.from <= at && at < lead.serves_until);
    if let Some(lead) = serving {
        return Some((lead.leader, 0));
    }
    let next = leads
        .iter()
        .filter(|lead| lead.from > at)
        .min_by_key(|lead| lead.from)?;
    (next.from - at < DEADLINE_MS).then_some((next.leader, next.from - at))
}

/// The same numbers in every run.
fn noise(index: u64) -> u64 {
    let mut x = index.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
