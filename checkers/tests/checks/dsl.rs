//! Histories as text, for tests: one thing a line, each a millisecond after the one before.
//!
//! ```text
//! topics log:2 rf=1 acks=1                      # the header; also at-least-once, unclean, min=5, faults, require=kill,
//!                                               # isr=2 (min.insync.replicas), liveness=30s, consistency=serializable,
//!                                               # then=out:2 (a second topic), group, exactly-once, bank=100,
//!                                               # config=cleanup.policy:compact (of the topic), keep=10s (by age),
//!                                               # keeps=600/200 (by size: so many bytes, records of so many each),
//!                                               # names=10 (compacted: keys of records), tombstones=3 (every third of a key),
//!                                               # stay=1s (so long a tombstone)
//! at 12.5                                       # the next line happens at 12.5 s
//! phase steady
//! p0 send 0:5 -> ok @3 by 1                     # key 0, value 5; also: -> fail, -> info, or no completion
//! p0 ok send 0:5 @3 by 1                        # a completion on its own; `op=7` anywhere sets the number
//! p1 assign 0 1 from-beginning -> ok
//! p1 poll -> ok 0@3=5 0@4=6                     # key @ offset = value
//! p1 crash -> info
//! p1 subscribe 0 1 -> ok
//! p1 acquire -> ok 0@3=5x1                     # of a share group: key @ offset = value x number of deliveries
//! p1 acknowledge 0@3=accept -> ok 0@3=accept+   # + confirmed, - refused, ? nobody knows; release, reject; queue=LIMIT,LOCK,REQUEST,DRAIN in the header
//! p1 poll -> ok 0@7=9 rebalanced=0,1            # partitions given or taken meanwhile
//! p0 txn send 0:5 | poll -> ok send 0:5 @3 | poll 1@0=9   # steps; where none follow, those of the beginning
//! foreign                                       # no topics, and no promises beyond Jepsen's
//! fault 0 partition [1] cut from its peers | injected
//! fault 0 partition | healed 12 frames dropped  # also: in-vain WHY, skipped WHY, failed WHY
//! fault 1 kill [1] | injecting down=1           # what it takes away: nothing, or down=1,2 apart=1-2,1-3 degrades
//! deletion 0 below=4 asking                     # also: done=4, refused, unknown
//! node1#2 says 0=1/e4[1,2] 1=none/e0[] asked 12.1
//! node1 tells 0=1/e4[1,2]elr[3]                # DescribeTopicPartitions
//! node1 stands 0/e4=7:9 1/e2=FENCED_LEADER_EPOCH # as leader of key/epoch: high watermark and end, or why not
//! node1 serves 0/e2=w5,r3 1/e0=wNO,rNO          # the probe topic's partition/epoch: offset written, high watermark read
//! node1 silent stands
//! node1 ended                                   # its process
//! node1 leads-quorum t3 as 1                    # also: hw=5, up to where it has committed
//! node1 follows-quorum                          # it says that it does not lead
//! node1 metadata-log end=4 hw=2 0-1/t1:7 2-3/t1:8   # its disk is copied; batches: first - last / term : sum
//! node1 metadata-log end=1 0-0/t1:7 rules 0@1=none/e2.3[1][2]   # what its records say: offset @ key = leader / e epoch .
//!                                               # partition epoch [ISR], [ELR], and ! after an unclean election; the term is that of the last batch
//! node1 metrics leaders=2 under-replicated=1
//! node1 undecided 0 5:9 told 7/e0@5=ID:Empty   # of key 0: last stable offset : high watermark, whether all have told (cannot-tell, silent),
//!                                               # and producer / epoch @ first offset = transactional id : state; transactions=5s,1s in the header
//! node1 log 0 hw=2 0=5/e0 1=6/e0 last
//! node1 disk end 0 end=3 hw=2 0=5/e0 1=6/e0 noted=0@0,1@2 hole=2-3   # a copy of its log of key 0, see `disks.rs`
//! p1 rebalance given m1.g3 0 1 -> ok            # also: revoked, lost; the member's id and its generation
//! p1 commit m1.g3 0@5 -> ok                     # key @ offset to read next
//! p1 committed 0@5 1@none -> ok
//! p0 send 0:5 -> ok @3 prod=2                   # which producer has it in flight
//! p1 clock -> ok 1000                           # its wall clock, in milliseconds
//! p1 times -> ok 0@3=5/1007                     # key @ offset = value / time
//! p1 look-up 0:1007 -> ok @3                    # key : time; where nothing is found there is no offset
//! final p9 complete 2,0                         # or: final p9 incomplete 2,0
//! probed 0 write 1.5 9.95 170                   # attempts at key 0 from 1.5 s to 9.95 s; why they failed, where they did
//! finally 0@0=5 0@1=6                           # settles, reads this back by p99, from each replica as well
//! p0 txn append 2:5 | set 3:6 -> ok             # of lists and registers: object:value
//! p0 txn read 2 -> ok read 2=[5,6]              # or one value (3=6), or nothing (3=nil)
//! objects-finally 2=[5,6] 3=6                   # settles, reads these back by p99, an operation each; what the replicas hold: 0@3=6
//! load due=100 late=3 withheld=7                # what became of the load; with load=90 in the header it has to be there
//! load due=9 in-flight=3 unsent=4 unknown=6         # what was under way and expired; asked for by in-flight=3 expired=10 in the header
//! interrupted
//! truncated
//! ```

mod clients;
mod cluster;
mod promises;

use std::collections::{BTreeMap, HashMap};

use history::{
    Deletion, DeletionStep, Event, Expectation, FORMAT, Fault, FaultStep, FinalReads, Header, History,
    Impairment, Load, LogChunk, Metadata, Metrics, Observed, Op, Phase, Probe, ProbeOf, Probed,
    ProducerPromise, Quorum, Topic, VERSION, What,
};

use clients::{completion, function, is_aside, record};
use cluster::{chunk, claim, disk_copy, eligible, metadata_log, metric, phase, service, stand};

/// A tick of the text's clock, in nanoseconds.
const TICK: u64 = 1_000_000;

/// The header that a text begins with: one topic of two partitions on one node, nothing demanded.
pub fn header() -> Header {
    Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        plan: "test".to_owned(),
        seed: 1,
        broker: "kafka-4.4.0".to_owned(),
        client: None,
        started: "2026-01-01T00:00:00Z".to_owned(),
        nodes: vec![1, 2, 3],
        controllers: Vec::new(),
        zookeepers: Vec::new(),
        topics: vec![Topic {
            name: "log".to_owned(),
            partitions: 2,
            replication_factor: 1,
            min_insync_replicas: 1,
            unclean_election: false,
            config: BTreeMap::new(),
        }],
        expect: Expectation {
            minimum_acknowledged: 1,
            ..Expectation::default()
        },
    }
}

/// The history that a text describes.
pub fn history(text: &str) -> History {
    let mut parser = Parser {
        history: History {
            header: header(),
            events: Vec::new(),
            truncated: false,
        },
        time: 0,
        ops: 0,
        open: HashMap::new(),
        override_op: None,
    };
    for line in text.lines() {
        let line = line
            .split('#')
            .next()
            .filter(|_| !line.trim_start().starts_with("node"))
            .unwrap_or(line);
        if !line.trim().is_empty() {
            parser.line(line.trim());
        }
    }
    parser.history
}

struct Parser {
    history: History,
    time: u64,
    ops: u64,
    open: HashMap<u32, u64>,
    override_op: Option<u64>,
}

/// What a fault takes away: `nothing`, or of `down=1,2 apart=1-2,1-3 degrades` what applies.
fn impairment(text: &str) -> Impairment {
    let mut impairment = Impairment::default();
    for word in text.split(' ') {
        if let Some(nodes) = word.strip_prefix("down=") {
            impairment.down = list(nodes);
        } else if let Some(pairs) = word.strip_prefix("apart=") {
            let pair = |pair: &str| {
                let (one, other) = pair.split_once('-').expect("a pair is A-B");
                (parse(one), parse(other))
            };
            impairment.apart = pairs.split(',').map(pair).collect();
        } else if word == "degrades" {
            impairment.degrades = true;
        } else {
            assert_eq!(word, "nothing", "no impairment");
        }
    }
    impairment
}

fn parse<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("`{text}` is no {}", std::any::type_name::<T>()))
}

fn seconds(text: &str) -> u64 {
    (parse::<f64>(text) * 1e9) as u64
}

fn number(text: &str, prefix: &str) -> u32 {
    parse(
        text.strip_prefix(prefix)
            .unwrap_or_else(|| panic!("`{text}` has no `{prefix}`")),
    )
}

impl Parser {
    fn push(&mut self, what: What) {
        self.time += TICK;
        self.history.events.push(Event {
            time: self.time,
            what,
        });
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.override_op = words.iter().find_map(|word| word.strip_prefix("op=")).map(parse);
        let words: Vec<&str> = words
            .into_iter()
            .filter(|word| !word.starts_with("op="))
            .collect();
        match words[0] {
            "topics" => self.header(&words[1..]),
            "at" => self.time = seconds(words[1]) - TICK,
            "probed" => self.probed(&words[1..]),
            "phase" => self.push(What::Phase(phase(words[1]))),
            "fault" => self.fault(line),
            "deletion" => self.deletion(&words[1..]),
            "final" => self.final_reads(&words[1..]),
            "finally" => self.finally(&words[1..]),
            "objects-finally" => self.objects_finally(&words[1..]),
            "load" => self.load(&words[1..]),
            "interrupted" => self.push(What::Interrupted),
            "truncated" => self.history.truncated = true,
            "foreign" => {
                self.history.header.topics.clear();
                self.history.header.expect.minimum_acknowledged = 0;
            }
            node if node.starts_with("node") => self.node(&words),
            _ => self.client(&words),
        }
    }

    fn header(&mut self, words: &[&str]) {
        let header = &mut self.history.header;
        for word in words {
            if promises::take(header, word) {
                continue;
            }
            match word.split_once('=') {
                Some(("rf", replicas)) => header.topics[0].replication_factor = parse(replicas),
                Some(("config", setting)) => {
                    let (name, value) = setting.split_once(':').expect("a setting is NAME:VALUE");
                    let config = &mut header.topics[0].config;
                    config.insert(name.to_owned(), value.to_owned());
                }
                Some(("consistency", model)) => header.expect.consistency = Some(model.to_owned()),
                Some(("acks", acks)) => acks.clone_into(&mut header.expect.acks),
                Some(("isr", needed)) => header.topics[0].min_insync_replicas = parse(needed),
                Some(("liveness", limit)) => {
                    header.expect.liveness = Some(limit.parse().expect("a length of time"));
                }
                Some(("two-controllers", limit)) => {
                    header.expect.two_controllers = Some(limit.parse().expect("a length of time"));
                }
                Some(("load", percent)) => header.expect.load = Some(parse(percent)),
                Some(("in-flight", count)) => header.expect.in_flight = Some(parse(count)),
                Some(("expired", count)) => header.expect.expired = Some(parse(count)),
                Some(("min", minimum)) => header.expect.minimum_acknowledged = parse(minimum),
                Some(("require", kinds)) => {
                    header.expect.without_faults = false;
                    header.expect.required_faults = kinds.split(',').map(str::to_owned).collect();
                }
                Some(("require-step", step)) => {
                    let (name, fault) = step.split_once(':').expect("a required step is NAME:FAULT");
                    let required = &mut header.expect.required_steps;
                    required.insert(name.to_owned(), parse(fault));
                }
                _ if *word == "read-uncommitted" => header.expect.read_uncommitted = true,
                _ if *word == "strict-metrics" => header.expect.strict_metrics = true,
                _ if *word == "unclean" => header.topics[0].unclean_election = true,
                _ if *word == "at-least-once" => header.expect.producers = ProducerPromise::AtLeastOnce,
                _ if *word == "faults" => header.expect.without_faults = false,
                _ => {
                    let (name, partitions) = word.split_once(':').expect("a topic is NAME:PARTITIONS");
                    name.clone_into(&mut header.topics[0].name);
                    header.topics[0].partitions = parse(partitions);
                }
            }
        }
    }

    fn client(&mut self, words: &[&str]) {
        let process = number(words[0], "p");
        if let "ok" | "fail" | "info" = words[1] {
            let op = self
                .override_op
                .or_else(|| self.open.remove(&process))
                .unwrap_or(u64::MAX);
            let said: Vec<&str> = words[2..]
                .iter()
                .copied()
                .filter(|word| !is_aside(word))
                .collect();
            self.push(completion(words[1], process, op, function(&said, true)));
            return self.rebalance(words);
        }
        let arrow = words.iter().position(|word| *word == "->").unwrap_or(words.len());
        let op = self.override_op.unwrap_or(self.ops);
        self.ops = self.ops.max(op).wrapping_add(1);
        self.open.insert(process, op);
        let begun = function(&words[1..arrow], false);
        self.push(What::Invoke(Op::new(process, op, begun)));
        if let Some(completed) = words.get(arrow + 1) {
            let after = &words[arrow + 2..];
            let after: Vec<&str> = after.iter().copied().filter(|word| !is_aside(word)).collect();
            let all = match words[1] {
                "txn" if after.is_empty() => words[1..arrow].to_vec(),
                "acknowledge" => ["acknowledge"].into_iter().chain(after).collect(),
                "txn" => ["txn"].into_iter().chain(after).collect(),
                _ => words[1..arrow].iter().copied().chain(after).collect(),
            };
            self.open.remove(&process);
            self.push(completion(completed, process, op, function(&all, true)));
        }
        self.rebalance(words);
    }

    fn load(&mut self, words: &[&str]) {
        let mut load = Load::default();
        for word in words {
            match word.split_once('=') {
                Some(("due", count)) => load.due = parse(count),
                Some(("late", count)) => load.late = parse(count),
                Some(("withheld", count)) => load.withheld = parse(count),
                Some(("in-flight", count)) => {
                    load.flight.get_or_insert_default().requests = Some(parse(count));
                }
                Some(("unsent", count)) => load.flight.get_or_insert_default().expired_unsent = parse(count),
                Some(("unknown", count)) => {
                    load.flight.get_or_insert_default().expired_unknown = parse(count);
                }
                _ => panic!("no part of a load: `{word}`"),
            }
        }
        self.push(What::Load(load));
    }

    fn rebalance(&mut self, words: &[&str]) {
        if let Some(producer) = words.iter().find_map(|word| word.strip_prefix("prod=")) {
            for event in self.history.events.iter_mut().rev().take(2) {
                if let What::Invoke(op) | What::Ok(op) | What::Info(op) | What::Fail(op) = &mut event.what
                    && op.op + 1 == self.ops
                {
                    op.producer = Some(parse(producer));
                }
            }
        }
        let rebalanced = words.iter().find_map(|word| word.strip_prefix("rebalanced="));
        let Some(rebalanced) = rebalanced else { return };
        if let Some(event) = self.history.events.last_mut()
            && let What::Ok(op) | What::Info(op) | What::Fail(op) = &mut event.what
        {
            op.rebalanced = list(rebalanced);
        }
    }

    fn fault(&mut self, line: &str) {
        let (head, step) = line.split_once('|').expect("a fault's line is HEAD | STEP");
        let (step, text) = step.trim().split_once(' ').unwrap_or((step.trim(), ""));
        let mut head = head.trim().splitn(4, ' ').skip(1);
        let id = parse(head.next().expect("a fault has a number"));
        let kind = head.next().expect("a fault has a kind").to_owned();
        let (nodes, detail) = match head.next() {
            Some(rest) if rest.starts_with('[') => {
                let (nodes, detail) = rest.split_once(']').expect("nodes end with ]");
                (list(nodes.trim_start_matches('[')), detail.trim().to_owned())
            }
            rest => (Vec::new(), rest.unwrap_or_default().to_owned()),
        };
        let impairs = (step == "injecting" && !text.is_empty()).then(|| impairment(text));
        let text = text.to_owned();
        let step = match step {
            "injecting" => FaultStep::Injecting,
            "injected" => FaultStep::Injected,
            "healing" => FaultStep::Healing,
            "healed" => FaultStep::Healed {
                bit: true,
                evidence: text,
            },
            "in-vain" => FaultStep::Healed {
                bit: false,
                evidence: text,
            },
            "skipped" => FaultStep::Skipped { reason: text },
            "failed" => FaultStep::Failed { error: text },
            other => panic!("no step of a fault: `{other}`"),
        };
        self.push(What::Fault(Fault {
            id,
            kind,
            nodes,
            detail,
            impairs,
            step,
        }));
    }

    fn deletion(&mut self, words: &[&str]) {
        let reason = String::from("it is not the leader");
        let step = match words[2].split_once('=').unwrap_or((words[2], "")) {
            ("asking", _) => DeletionStep::Asking,
            ("done", low) => DeletionStep::Done {
                low_watermark: parse(low),
            },
            ("refused", _) => DeletionStep::Refused { reason },
            ("unknown", _) => DeletionStep::Unknown { reason },
            (other, _) => panic!("a deletion is not `{other}`"),
        };
        self.push(What::Deletion(Deletion {
            key: parse(words[0]),
            below: i64::from(number(words[1], "below=")),
            step,
        }));
    }

    fn probed(&mut self, words: &[&str]) {
        let f = match words[1] {
            "write" => ProbeOf::Write,
            "read" => ProbeOf::Read,
            other => panic!("nobody probes to `{other}`"),
        };
        self.push(What::Probed(Probed {
            key: parse(words[0]),
            f,
            from: seconds(words[2]),
            until: seconds(words[3]),
            attempts: parse(words[4]),
            failed: (words.len() > 5).then(|| words[5..].join(" ")),
        }));
    }

    fn node(&mut self, words: &[&str]) {
        if words[1] == "disk" {
            let begun = self.time;
            return self.push(What::Disk(Box::new(crate::disks::copy(begun, words))));
        }
        let (node, incarnation) = words[0].split_once('#').unwrap_or((words[0], "0"));
        if words[1] == "ended" {
            return self.push(What::Node(history::NodeChange {
                node: number(node, "node"),
                incarnation: parse(incarnation),
                state: "killed by signal 9".to_owned(),
                running: false,
            }));
        }
        let mut asked = self.time + TICK / 2;
        let mut rest = words[2..].to_vec();
        if let Some(at) = rest.iter().position(|word| *word == "asked") {
            asked = seconds(rest[at + 1]);
            rest.truncate(at);
        }
        let answer = match words[1] {
            "says" => Probe::Metadata(Metadata {
                claims: rest.iter().map(|word| claim(word)).collect(),
            }),
            // A node of ZooKeeper: `holds c2 t5 0=1/e1[1,2]`.
            "holds" => Probe::ZooKeeper(history::ZooKeeper {
                controller: Some(number(rest[0], "c")),
                epoch: Some(number(rest[1], "t") as i32),
                claims: rest[2..].iter().map(|word| claim(word)).collect(),
                ..history::ZooKeeper::default()
            }),
            "tells" => Probe::Partitions(history::Partitions {
                partitions: rest.iter().map(|word| eligible(word)).collect(),
            }),
            "stands" => Probe::Stands(history::Stands {
                stands: rest.iter().map(|word| stand(word)).collect(),
            }),
            "serves" => Probe::Served(history::Served {
                served: rest.iter().map(|word| service(word)).collect(),
            }),
            "silent" => Probe::Silent(history::Silence {
                asked_for: rest[0].to_owned(),
                reason: "no answer in 500 ms".to_owned(),
            }),
            "leads-quorum" => Probe::Quorum(Quorum {
                leader: parse(rest[2]),
                epoch: number(rest[0], "t") as i32,
                high_watermark: rest.get(3).map_or(1, |word| parse(&word[3..])),
                voters: Vec::new(),
            }),
            "follows-quorum" => Probe::NotLeader,
            "metrics" => Probe::Metrics(Metrics {
                values: rest.iter().map(|word| metric(word)).collect(),
            }),
            "metadata-log" => {
                let copy = disk_copy(number(node, "node"), self.time, metadata_log(&rest));
                return self.push(What::Disk(Box::new(copy)));
            }
            "log" => Probe::Log(chunk(&rest)),
            "undecided" => Probe::Undecided(promises::undecided(&rest)),
            other => panic!("a node does not `{other}`"),
        };
        let (node, incarnation) = (number(node, "node"), parse(incarnation));
        self.push(What::Observed(Observed {
            node,
            incarnation,
            asked,
            answer,
        }));
    }

    fn final_reads(&mut self, words: &[&str]) {
        let complete = words[1] == "complete";
        self.push(What::FinalReads(FinalReads {
            complete,
            reason: (!complete).then(|| "node 2 is not back in the ISR".to_owned()),
            ends: list(words.get(2).unwrap_or(&"")),
            process: number(words[0], "p"),
        }));
    }

    /// What every whole run ends with, the cluster being healthy and holding these records.
    fn objects_finally(&mut self, words: &[&str]) {
        self.settle();
        let (records, words): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.contains('@'));
        let mut logs: BTreeMap<u32, Vec<(i64, u64, i32)>> = BTreeMap::new();
        for record in records.into_iter().map(record) {
            let log = logs.entry(record.key).or_default();
            log.push((record.offset, record.value, 0));
        }
        for word in words {
            let object = word.split('=').next().unwrap_or_default();
            let seen = format!("read {word}");
            let line = format!("p99 txn read {object} -> ok {seen}");
            self.client(&line.split(' ').collect::<Vec<_>>());
        }
        let ends = vec![9; self.history.header.keys() as usize];
        self.read_back(ends, &logs);
    }

    fn settle(&mut self) {
        for phase in [Phase::Heal, Phase::Settle, Phase::FinalReads] {
            self.push(What::Phase(phase));
        }
    }

    fn finally(&mut self, words: &[&str]) {
        let keys = self.history.header.keys();
        self.settle();
        let mut ends = vec![0; keys as usize];
        let mut logs: BTreeMap<u32, Vec<(i64, u64, i32)>> = BTreeMap::new();
        for record in words.iter().map(|word| record(word)) {
            ends[record.key as usize] = record.offset + 1;
            logs.entry(record.key)
                .or_default()
                .push((record.offset, record.value, 0));
        }
        let all: Vec<String> = (0..keys).map(|key| key.to_string()).collect();
        self.client(
            &format!("p99 assign {} from-beginning -> ok", all.join(" "))
                .split(' ')
                .collect::<Vec<_>>(),
        );
        self.client(
            &["p99", "poll", "->", "ok"]
                .iter()
                .chain(words)
                .copied()
                .collect::<Vec<_>>(),
        );
        self.read_back(ends, &logs);
    }

    /// Each replica's own copy, and the end of the final reads.
    fn read_back(&mut self, ends: Vec<i64>, logs: &BTreeMap<u32, Vec<(i64, u64, i32)>>) {
        for node in 1..=self.history.header.topics[0].replication_factor {
            for key in 0..self.history.header.keys() {
                let records = logs.get(&key).cloned().unwrap_or_default();
                let high_watermark = ends[key as usize];
                let chunk = LogChunk {
                    key,
                    high_watermark,
                    last: true,
                    records,
                };
                let asked = self.time;
                self.push(What::Observed(Observed {
                    node,
                    incarnation: 0,
                    asked,
                    answer: Probe::Log(chunk),
                }));
            }
        }
        self.push(What::FinalReads(FinalReads {
            complete: true,
            reason: None,
            ends,
            process: 99,
        }));
        self.push(What::Phase(Phase::Teardown));
    }
}

fn list<T: std::str::FromStr>(text: &str) -> Vec<T> {
    text.split(',')
        .filter(|item| !item.is_empty())
        .map(parse)
        .collect()
}
