//! What is refused, and where it stands.

use super::plain::RANDOM;
use super::{KEYS, check_invalid, check_refused, plan};
use crate::Members;

#[test]
fn wrong_words_are_refused_where_they_stand() {
    let step = |fault: &str| format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
    check_refused(&step("\"kil\""), 4, "expected one of `partition`, `shrink-isr`");
    check_refused(&step("{ kil = {} }"), 4, "expected one of `partition`");
    check_refused(
        &step("{ kill = { target = \"boss\" } }"),
        4,
        "`boss` is no target: expected \"one\", \"minority\"",
    );
    check_refused(
        &step("{ kill = { target = [\"x1\"] } }"),
        4,
        "a node, such as \"n1\" or 1",
    );
    check_refused(
        &step("{ kill = { target = [] } }"),
        4,
        "an empty list is no target",
    );
    check_refused(&step("{ kill = { target = 1 } }"), 4, "or a list of nodes");
    check_refused(&step("{ kill = { aim = \"one\" } }"), 4, "unknown field `aim`");
    check_refused(
        &step("{ partition = { shape = \"star\" } }"),
        4,
        "unknown variant `star`",
    );
    check_refused(
        &step("{ partition = { shape = \"leader\", direction = \"in\" } }"),
        4,
        "`direction` goes with the shapes `one-way` and `clients` only",
    );
    check_refused(&step("{ kill = {}, pause = {} }"), 4, "a second fault, `pause`");
    check_refused(
        "[[nemesis.steps]]\nat = 5\nfault = \"kill\"",
        2,
        "such as \"1500ms\"",
    );
    check_refused(
        "[[nemesis.steps]]\nat = \"5 sec\"\nfault = \"kill\"",
        2,
        "no length of time",
    );
    check_refused(
        "[[nemesis.steps]]\nat = \"5s\"\nlast = \"1s\"\nfault = \"kill\"",
        3,
        "unknown field `last`",
    );
    check_refused("nemesis = \"nothing\"", 1, "unknown variant `nothing`");
    check_refused(
        "[nemesis.random]\nfaults = [\"kill\"]",
        1,
        "missing field `duration`",
    );
}

#[test]
fn what_does_not_fit_the_cluster_is_named_by_its_path() {
    let step = |fault: &str| format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
    check_invalid(
        &step("{ kill = { target = [\"n7\"] } }"),
        "steps.0.fault.kill.target: there is no node 7: this cluster has nodes 1, 2, 3",
    );
    check_invalid(
        &step("{ kill = { target = \"leader\", key = 4 } }"),
        "steps.0.fault.kill.key: there is no key 4: the topics' partitions together are the keys 0 to 3",
    );
    check_invalid(
        &step("{ pause = { target = \"all\", key = 0 } }"),
        "steps.0.fault.pause.key: goes with the targets `leader` and `follower` only, and this one is `all`",
    );
    check_invalid(
        "[[nemesis.steps]]\nat = \"0s\"\nfault = \"kill\"",
        "steps: a step without `lasts` is in force until the others are over, and no other has an end: \
         say how long one of them `lasts`",
    );
    check_invalid(
        "[[nemesis.steps]]\nat = \"0s\"\nlasts = \"5s\"\nfault = \"kill\"\n\
         [[nemesis.steps]]\nat = \"6s\"\nfault = \"pause\"",
        "steps.1.at: a step without `lasts` is in force until the others are over, and they are at 5s: \
         say how long it lasts",
    );
    check_invalid(
        &RANDOM.replace("\"2s\", \"5s\"", "\"5s\", \"2s\""),
        "random.lasts: the shorter time goes first: [\"2s\", \"5s\"]",
    );
    let unknown = RANDOM.replace("target = \"leader\"", "target = [9]");
    check_invalid(
        &unknown,
        "random.faults.1.pause.target: there is no node 9: this cluster has nodes 1, 2, 3",
    );
}

fn waiting(when: &str) -> String {
    format!("[[nemesis.steps]]\nlasts = \"1s\"\nfault = \"kill\"\nwhen = {when}")
}

#[test]
fn conditions_that_make_no_sense_are_refused_where_they_stand() {
    check_refused(
        &waiting("{ isr-off = { key = 0 } }"),
        4,
        "unknown field `isr-off`",
    );
    check_refused(&waiting("{ isr-of = { keys = 0 } }"), 4, "unknown field `keys`");
    check_refused(&waiting("{ timeout = \"5s\" }"), 4, "a step waits for one thing");
    check_refused(
        &waiting("{ election = { key = 0 }, controller-changed = {} }"),
        4,
        "a step waits for one thing",
    );
    check_refused(
        &waiting("{ isr-of = { key = 0 } }"),
        4,
        "takes one of `at-most` and `at-least`",
    );
    check_refused(
        &waiting("{ isr-of = { at-most = 0 } }"),
        4,
        "an ISR of no node is never seen",
    );
    check_refused(&waiting("{ after = {} }"), 4, "missing field `step`");
    check_refused(
        &waiting("{ after = { step = \"a\", is = \"gone\" } }"),
        4,
        "unknown variant `gone`",
    );
    check_refused(
        "[[nemesis.steps]]\nlasts = \"1s\"\nfault = \"kill\"",
        1,
        "a step without a beginning: give `at` or `when`",
    );
    check_refused(
        &format!("{}\nat = \"1s\"", waiting("{ election = {} }")),
        1,
        "a step begins `at` a time or `when` something is seen, not both",
    );
    check_invalid(
        &waiting("{ election = { key = 9 } }"),
        "steps.0.when.election.key: there is no key 9: the topics' partitions together are the keys 0 to 3",
    );
    check_invalid(
        &waiting("{ election = {}, timeout = \"0s\" }"),
        "steps.0.when.timeout: a condition that is waited for no time is never seen",
    );
}

#[test]
fn steps_that_wait_for_each_other_are_refused() {
    let step = |name: &str, awaited: &str| {
        format!(
            "[[nemesis.steps]]\nname = \"{name}\"\nlasts = \"1s\"\nfault = \"kill\"\n\
             when = {{ after = {{ step = \"{awaited}\" }} }}\n"
        )
    };
    check_invalid(
        &step("a", "b"),
        "steps.0.when.after.step: there is no step `b`: those with a name are a",
    );
    check_invalid(
        &step("a", "a"),
        "steps.0.when.after.step: the steps wait for each other in a circle: a",
    );
    check_invalid(
        &[step("a", "b"), step("b", "c"), step("c", "a")].concat(),
        "steps.0.when.after.step: the steps wait for each other in a circle: b, c, a",
    );
    check_invalid(
        &[step("a", "b"), step("b", "c"), step("c", "b")].concat(),
        "steps.1.when.after.step: the steps wait for each other in a circle: c, b",
    );
    let endless = "[[nemesis.steps]]\nname = \"e\"\nat = \"0s\"\nfault = \"pause\"\n";
    check_invalid(
        &format!("{endless}{}", step("a", "e")),
        "steps.1.when.after.step: `e` is in force until all others are over, this one too: say how long it `lasts`",
    );
    check_invalid(
        &format!("{endless}{endless}{}", step("a", "a")),
        "steps.1.name: a second step named `e`",
    );
}

#[test]
fn mixes_that_make_no_sense_are_refused_where_they_stand() {
    let random = |more: &str| format!("[nemesis.random]\nduration = \"20s\"\n{more}");
    let weight = |weight: &str| {
        random(&format!(
            "faults = [\"pause\", {{ kill = {{}}, weight = {weight} }}]"
        ))
    };
    check_refused(&weight("0"), 3, "a weight of 0: give 1 to 1000");
    check_refused(&weight("-1"), 3, "a weight of -1");
    check_refused(&weight("\"much\""), 3, "invalid type");
    check_refused(
        &random("faults = [{ weight = 2 }]"),
        3,
        "a table that names no fault",
    );
    check_refused(
        &random("faults = [{ kill = {}, pause = {} }]"),
        3,
        "a second fault in one table",
    );
    check_refused(&random("faults = [\"kil\"]"), 3, "expected one of `partition`");
    check_invalid(
        &random("at-most = 0\nfaults = [\"kill\"]"),
        "random.at-most: 0 faults in force together: give 1 to 32",
    );
    check_refused(
        "[nemesis.limits]\nkeep = \"majority\"",
        1,
        "no schedule: give `random`, `rotation` or `steps`",
    );
    check_refused(
        &format!(
            "{}\n[nemesis.limits]\nkeep = \"half\"",
            random("faults = [\"kill\"]")
        ),
        5,
        "unknown variant `half`",
    );
    check_refused(
        &format!(
            "{}\n[[nemesis.steps]]\nat = \"0s\"\nfault = \"kill\"",
            random("faults = [\"kill\"]")
        ),
        1,
        "a second schedule",
    );
    check_invalid(
        "[nemesis.rotation]\nduration = \"20s\"\nperiods = []",
        "rotation.periods: names no period",
    );
    let period =
        "[[nemesis.rotation.periods]]\nlength = \"10s\"\nquiet-after = \"5s\"\nfaults = [\"kill\"]\n";
    check_invalid(
        &format!("[nemesis.rotation]\nduration = \"20s\"\n{period}{period}"),
        "rotation.duration: 20s is too short for each period once: they take 25s",
    );
    check_invalid(
        &format!(
            "[nemesis.rotation]\nduration = \"30s\"\n{}",
            period.replace("10s", "3s")
        ),
        "rotation.periods.0.length: 3s is too short for 1 faults of at least 2s with rests of at least 1s: they need 4s",
    );
}

#[test]
fn a_fault_that_breaks_the_limits_by_itself_is_refused() {
    let random = |limits: &str, fault: &str| {
        format!(
            "[nemesis.limits]\n{limits}\n[nemesis.random]\nduration = \"20s\"\nfaults = [\"pause\", {fault}]"
        )
    };
    check_invalid(
        &random("nodes-down-at-most = 1", "{ kill = { target = \"majority\" } }"),
        "random.faults.1.kill: breaks the limits wherever it hits: it takes nodes 1, 3 away, and at most 1 may be down or \
         cut off; or set `exceed = true` to do so on purpose",
    );
    check_invalid(
        &random("keep = \"majority\"", "{ kill = { target = [\"n1\", \"n2\"] } }"),
        "random.faults.1.kill: breaks the limits wherever it hits: it leaves node 3 together, and at least 2 of 3 are to be \
         kept; or set `exceed = true` to do so on purpose",
    );
    super::resolve(
        &random(
            "keep = \"majority\"\nexceed = true",
            "{ kill = { target = \"all\" } }",
        ),
        1,
    );
}

/// The step is refused on three brokers with three controllers, or three nodes of `ZooKeeper`, of their own.
#[track_caller]
fn check_of(members: &Members, fault: &str, expected: &str) {
    let text = format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
    let invalid = plan(&text).resolve(1, members.clone(), KEYS).expect_err(fault);
    assert_eq!(invalid.to_string(), expected);
}

#[test]
fn a_node_is_refused_where_the_fault_is_none_of_its_kind() {
    let separate = Members {
        controllers: vec![4, 5, 6],
        ..Members::from(&[1, 2, 3])
    };
    let zookeeper = Members {
        zookeepers: vec![4, 5, 6],
        ..Members::from(&[1, 2, 3])
    };
    check_of(
        &separate,
        "{ kill = { target = [\"n7\"] } }",
        "steps.0.fault.kill.target: there is no node 7: this cluster has nodes 1, 2, 3 (broker) and nodes 4, 5, 6 (controller)",
    );
    check_of(
        &separate,
        "{ move-leaders = { target = [\"n4\"] } }",
        "steps.0.fault.move-leaders.target: node 4 is a controller, and this fault is one of brokers: name nodes 1, 2, 3",
    );
    check_of(
        &zookeeper,
        "{ brokers = { target = [\"n5\"] } }",
        "steps.0.fault.brokers.target: node 5 is ZooKeeper's, and this fault is one of brokers: name nodes 1, 2, 3",
    );
    check_of(
        &separate,
        "{ partition = { shape = \"clients\", target = \"controller\" } }",
        "steps.0.fault.partition.target: `controller` is no broker here, and this fault is one of brokers",
    );
    check_of(
        &separate,
        "{ voters = { target = [\"n1\"] } }",
        "steps.0.fault.voters.target: node 1 is no controller: the voters are nodes 4, 5, 6",
    );
}

#[test]
fn nodes_that_are_no_brokers_can_be_named() {
    let separate = Members {
        controllers: vec![4, 5, 6],
        ..Members::from(&[1, 2, 3])
    };
    for fault in [
        "{ kill = { target = [\"n4\"] } }",
        "{ pause = { target = [\"n2\", \"n6\"] } }",
        "{ partition = { shape = \"halves\", target = [\"n1\", \"n4\"] } }",
        "{ clock-jump = { target = [\"n5\"], offset = \"+1h\" } }",
        "{ voters = { target = [\"n4\"] } }",
    ] {
        let text = format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}");
        plan(&text).resolve(1, separate.clone(), KEYS).expect(fault);
    }
}

#[test]
fn limits_hold_among_the_controllers_too() {
    let separate = Members {
        controllers: vec![4, 5, 6],
        ..Members::from(&[1, 2, 3])
    };
    let text = "[nemesis.limits]\nkeep = \"majority\"\n[nemesis.random]\nduration = \"60s\"\nlasts = [\"2s\", \"4s\"]\n\
                rest = [\"1s\", \"2s\"]\nfaults = [{ kill = { target = [\"n4\", \"n5\"] } }]";
    let invalid = plan(text)
        .resolve(1, separate, KEYS)
        .expect_err("a quorum is taken away");
    assert_eq!(
        invalid.to_string(),
        "random.faults.0.kill: breaks the limits wherever it hits: it leaves node 6 together, and at least 2 of 3 are to be \
         kept; or set `exceed = true` to do so on purpose"
    );
}
