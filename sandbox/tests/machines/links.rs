//! What the switch does between real network cards.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use sandbox::{Counters, GroupId, Matcher, Place, Port, Rule, Sandbox, SandboxSpec};

use crate::roles::{ECHO_PORTS, SINK_PORT, echo_from, send_datagrams};
use crate::scenarios::{PATIENCE_MS, SILENCE_MS, await_equal, check_reach, cut, make, order, reach, serving};

pub fn nodes_and_clients_reach_each_other_by_name(_: &[String]) {
    let (sandbox, _processes) = serving(3);
    for from in sandbox.nodes() {
        for to in sandbox.nodes().iter().filter(|to| to.number() != from.number()) {
            check_reach(from, to, ECHO_PORTS[0], "ok");
        }
        let name = (from.host(), ECHO_PORTS[0]);
        let stream = TcpStream::connect(name).expect("clients know the nodes by name");
        let own = stream.local_addr().expect("it is bound").ip();
        assert_eq!(
            own,
            Ipv4Addr::new(10, 77, 0, 200),
            "clients speak from their own card"
        );
    }
    let stats = sandbox.switch().stats();
    assert!(
        stats.forwarded.frames > 0 && stats.answered > 0 && stats.cpu > Duration::ZERO,
        "{stats:?}"
    );
    assert_eq!(
        (stats.dropped, stats.overrun, stats.stray),
        (Counters::default(), 0, 0),
        "{stats:?}"
    );
}

/// What a group has dropped so far.
fn dropped(sandbox: &Sandbox, id: GroupId) -> Counters {
    sandbox.switch().deeds(id).expect("the group is known").dropped
}

/// Ends a group; what it dropped.
fn heal(sandbox: &Sandbox, id: GroupId) -> Counters {
    sandbox.switch().remove(id).expect("it can be healed").dropped
}

pub fn a_cut_is_one_way_and_heals(_: &[String]) {
    let (sandbox, _processes) = serving(3);
    let [n1, n2, n3] = [0, 1, 2].map(|index| &sandbox.nodes()[index]);
    let id = sandbox
        .switch()
        .apply(&[cut(Place::Node(1), Place::Node(2))])
        .expect("it can be cut");
    check_reach(n1, n2, ECHO_PORTS[0], "silence");
    check_reach(n1, n3, ECHO_PORTS[0], "ok");
    let before = dropped(&sandbox, id);
    // Datagrams need no answer: they show the other direction on its own.
    assert_eq!(
        order(n2, &format!("datagrams {}:{SINK_PORT} 10 100", n1.address())),
        "ok"
    );
    assert_eq!(dropped(&sandbox, id), before, "the other direction is whole");
    let counters = heal(&sandbox, id);
    assert!(
        counters.frames > 0 && counters.bytes > 0,
        "the cut bit: {counters:?}"
    );
    check_reach(n1, n2, ECHO_PORTS[0], "ok");
    assert_eq!(dropped(&sandbox, id), counters, "healed cuts keep their counters");
    assert_eq!(heal(&sandbox, id), counters, "again");
}

pub fn a_cut_by_port_leaves_other_services_alone(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let matcher = Matcher::Tcp {
        source: None,
        destination: Some(ECHO_PORTS[0]),
    };
    let rule = Rule {
        matcher,
        ..cut(Place::Node(1), Place::Node(2))
    };
    let id = sandbox.switch().apply(&[rule]).expect("it can be cut");
    check_reach(n1, n2, ECHO_PORTS[0], "silence");
    check_reach(n1, n2, ECHO_PORTS[1], "ok");
    check_reach(n2, n1, ECHO_PORTS[0], "ok");
    let client = SocketAddr::from((n2.address(), ECHO_PORTS[0]));
    assert_eq!(echo_from(client, PATIENCE_MS), "ok", "clients are not cut");
    sandbox.switch().remove(id).expect("it can be healed");
    let answers = Rule {
        matcher: Matcher::Tcp {
            source: Some(ECHO_PORTS[1]),
            destination: None,
        },
        ..rule
    };
    let id = sandbox.switch().apply(&[answers]).expect("it can be cut");
    check_reach(n2, n1, ECHO_PORTS[1], "silence");
    check_reach(n2, n1, ECHO_PORTS[0], "ok");
    sandbox.switch().remove(id).expect("it can be healed");
}

pub fn a_cut_counts_exactly(_: &[String]) {
    const COUNT: usize = 100;
    const BYTES: usize = 333;
    /// Ethernet, IPv4 and UDP.
    const HEADERS: usize = 14 + 20 + 8;
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let rules = [
        cut(Place::Node(1), Place::Node(2)),
        cut(Place::Clients, Place::Node(2)),
    ];
    let id = sandbox.switch().apply(&rules).expect("it can be cut");
    assert_eq!(
        order(
            n1,
            &format!("datagrams {}:{SINK_PORT} {COUNT} {BYTES}", n2.address())
        ),
        "ok"
    );
    send_datagrams((n2.address(), SINK_PORT).into(), COUNT, BYTES);
    let expected = Counters {
        frames: 2 * COUNT as u64,
        bytes: (2 * COUNT * (BYTES + HEADERS)) as u64,
    };
    await_equal(|| dropped(&sandbox, id), &expected);
    assert_eq!(heal(&sandbox, id), expected);
    send_datagrams((n2.address(), SINK_PORT).into(), COUNT, BYTES);
    let stats = sandbox.switch().stats();
    let from = Port::Place(Place::Clients);
    let link = stats
        .links
        .iter()
        .find(|link| (link.from, link.to) == (from, Port::Place(Place::Node(2))));
    assert_eq!(link.expect("it was used").dropped.frames, COUNT as u64);
    assert_eq!(
        dropped(&sandbox, id),
        expected,
        "after healing nothing is counted"
    );
}

pub fn a_cut_from_the_beginning_is_silent(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let rules = [
        cut(Place::Node(1), Place::Node(2)),
        cut(Place::Node(2), Place::Node(1)),
    ];
    sandbox.switch().apply(&rules).expect("it can be cut");
    // A kernel that asks in vain for a hardware address says "host unreachable" after three seconds.
    assert_eq!(reach(n1, n2, ECHO_PORTS[0], 4500), "silence");
    assert_eq!(reach(n1, n2, ECHO_PORTS[0], 500), "silence");
}

pub fn every_cut_leaves_the_side_channel(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let places = [Place::Node(1), Place::Node(2), Place::Clients];
    let pairs = places
        .iter()
        .flat_map(|&from| places.map(|to| (from, to)))
        .filter(|(from, to)| from != to);
    let rules: Vec<Rule> = pairs.map(|(from, to)| cut(from, to)).collect();
    sandbox.switch().apply(&rules).expect("it can be cut");
    for node in sandbox.nodes() {
        let data = SocketAddr::from((node.address(), ECHO_PORTS[0]));
        assert_eq!(echo_from(data, SILENCE_MS), "silence");
        let side = SocketAddr::from((node.side_address(), ECHO_PORTS[0]));
        assert_eq!(echo_from(side, PATIENCE_MS), "ok");
    }
}

pub fn nodes_never_meet_on_the_side_channel(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let answer = order(
        n1,
        &format!("echo {}:{} {SILENCE_MS}", n2.side_address(), ECHO_PORTS[0]),
    );
    assert_ne!(answer, "ok");
    let to_clients = order(n1, &format!("echo 10.78.0.200:9 {PATIENCE_MS}"));
    assert_eq!(
        to_clients, "ConnectionRefused",
        "the observer is there, and listens to nobody"
    );
}

pub fn rules_that_cannot_be_are_refused(_: &[String]) {
    let sandbox = make(1);
    for (from, to) in [(Place::Node(1), Place::Node(2)), (Place::Clients, Place::Clients)] {
        sandbox
            .switch()
            .apply(&[cut(from, to)])
            .expect_err("there is no such link");
    }
    sandbox
        .switch()
        .remove(GroupId(9))
        .expect_err("there is no such group");
    let again = Sandbox::create(&SandboxSpec {
        nodes: vec![1, 1],
        directory: PathBuf::from("."),
        ..SandboxSpec::default()
    });
    again.expect_err("one node twice");
}

pub fn rules_change_as_fast_as_they_are_asked_to(_: &[String]) {
    let (sandbox, _processes) = serving(2);
    let [n1, n2] = [0, 1].map(|index| &sandbox.nodes()[index]);
    let begun = Instant::now();
    let mut groups = Vec::new();
    while begun.elapsed() < Duration::from_millis(500) {
        let id = sandbox
            .switch()
            .apply(&[cut(Place::Node(1), Place::Node(2))])
            .expect("it can be cut");
        sandbox.switch().remove(id).expect("it can be healed");
        groups.push(id);
    }
    assert!(
        groups.is_sorted() && groups.len() > 100,
        "{} changes",
        groups.len()
    );
    check_reach(n1, n2, ECHO_PORTS[0], "ok");
}

pub fn bulk_passes_whole(_: &[String]) {
    const BYTES: usize = 20 << 20;
    let (sandbox, _processes) = serving(1);
    let mut stream = TcpStream::connect((sandbox.nodes()[0].address(), ECHO_PORTS[0])).expect("it serves");
    let mut reader = stream.try_clone().expect("it can be duplicated");
    let data: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
    let echoed = thread::spawn(move || {
        let mut back = vec![0; BYTES];
        reader.read_exact(&mut back).expect("all of it comes back");
        back
    });
    stream.write_all(&data).expect("it can be sent");
    assert!(
        echoed.join().expect("it came back") == data,
        "what comes back is what was sent"
    );
    let stats = sandbox.switch().stats();
    let mean = stats.forwarded.bytes / stats.forwarded.frames;
    assert!(mean > 3000, "segments travel together: {mean} bytes a frame");
}
