//! What a prober saw becomes figures, and violations where the plan limits them.

use checkers::{Availability, Options, Outage, Validity, Verdict};
use history::AvailabilityLimits;

use crate::dsl;

/// Two partitions of three replicas each. Node 1 leads both, is killed at 10 s and comes back at 20 s; partition 0 is tried
/// all the time.
fn run(probes: &str, limits: &str) -> Verdict {
    let text = format!(
        "topics log:2 rf=3 isr=2 require=kill
        at 1
        phase steady
        p0 send 0:1 -> ok @0
        node2 leads-quorum t1 by 1
        at 9.5
        node2 says 0=1/e0[1,2,3] 1=1/e0[1,2,3]
        phase faults
        at 10
        fault 0 kill [1] killed | injecting down=1
        fault 0 kill [1] killed | injected
        at 12
        node2 says 0=2/e1[2,3] 1=3/e1[2,3]
        at 20
        fault 0 kill [1] | healed gone
        at 23
        node2 says 0=2/e1[1,2,3] 1=3/e1[1,2,3]
        {probes}
        at 89.5
        p0 send 0:2 -> ok @1
        at 90
        finally 0@0=1 0@1=2"
    );
    let mut history = dsl::history(&text);
    history.header.expect.availability = toml(limits);
    crate::judge(&history, &Options::default())
}

/// Limits as a plan has them.
fn toml(limits: &str) -> AvailabilityLimits {
    let mut all = AvailabilityLimits::default();
    for (name, value) in limits.split_whitespace().filter_map(|word| word.split_once('=')) {
        let span = || Some(value.parse().expect("a length of time"));
        match name {
            "write-outage" => all.write_outage = span(),
            "read-outage" => all.read_outage = span(),
            "leader" => all.leader = span(),
            "full-isr" => all.full_isr = span(),
            "recovery-time" => all.recovery_time = span(),
            "lost-time" => all.lost_time = span(),
            "lost-records" => all.lost_records = value.parse().ok(),
            other => panic!("no limit `{other}`"),
        }
    }
    all
}

/// Writes fail from 10 s on, as long as this.
fn down_until(second: f64) -> String {
    let last = second - 0.1;
    format!(
        "at 24
        probed 0 write 1.5 9.95 170
        probed 0 write 10 {last} 20 no answer in 500 ms
        probed 0 write {last} {second} 1
        at 89
        probed 0 write {second} 89 90
        probed 0 read 1.5 89 900"
    )
}

fn only(verdict: &Verdict) -> &Outage {
    let measured = verdict.availability.as_ref().expect("it was measured");
    assert_eq!(measured.outages.len(), 1, "{measured:?}");
    &measured.outages[0]
}

#[test]
fn an_outage_lasts_from_the_last_success_to_the_first() {
    let verdict = run(&down_until(13.0), "");
    let row = only(&verdict);
    assert_eq!(row.write_outage, Some(3_050_000_000));
    assert_eq!(row.read_outage, Some(0));
    assert_eq!(row.leader, Some(2_000_000_000));
    assert_eq!(row.full_isr, Some(3_000_000_000));
    assert_eq!(row.recovery, Some(3_000_000_000));
    assert!(row.hit_leader && row.hit_controller && !row.unended, "{row:?}");
    assert_eq!((row.lost, row.partition.as_str()), (0, "log-0"));
    assert_eq!(crate::brief(&verdict), "valid");
    let check = verdict.checks.iter().find(|check| check.name == "availability");
    insta::assert_snapshot!(check.expect("it is on the list").reasons.join("\n"));
}

#[test]
fn what_was_not_tried_has_no_figures() {
    let verdict = run("", "");
    assert_eq!(verdict.availability, None);
    assert_eq!(crate::brief(&verdict), "valid");
}

#[test]
fn what_never_ended_took_at_least_so_long() {
    let verdict = run(
        "at 80\nprobed 0 write 1.5 9.9 170\nprobed 0 write 10 80 99 refused",
        "",
    );
    let row = only(&verdict);
    assert_eq!(row.write_outage, Some(70_100_000_000));
    assert!(row.unended);
    assert_eq!((row.read_outage, row.recovery), (None, None));
    assert_eq!(row.full_isr, Some(3_000_000_000));
}

#[test]
fn limits_are_held_against_what_was_measured() {
    // Partition 1 is not probed, so it counts only where nothing is.
    let rows = [
        (13.0, "write-outage=2s", "invalid: unavailable-too-long 1"),
        // Of the outage, what came before the fault was not within it.
        (13.0, "write-outage=3001ms", "valid"),
        (13.0, "read-outage=1ms", "valid"),
        (13.0, "leader=2s", "invalid: elected-too-late 1"),
        (13.0, "leader=2500ms", "valid"),
        (13.0, "full-isr=3s", "invalid: recovered-too-late 1"),
        (13.0, "full-isr=4s", "valid"),
        (13.0, "recovery-time=4s", "valid"),
        (26.0, "recovery-time=4s", "invalid: recovered-too-late 1"),
        // Healing begins another stretch: ten seconds of one and six of the other are no eleven of one.
        (26.0, "write-outage=10500ms", "valid"),
        (13.0, "lost-records=0", "valid"),
    ];
    for (second, limits, expected) in rows {
        assert_eq!(
            crate::brief(&run(&down_until(second), limits)),
            expected,
            "{second} {limits}"
        );
    }
}

#[test]
fn what_the_faults_do_not_leave_is_not_owed() {
    let text = "topics log:1 rf=3 isr=2 require=kill
        at 1
        phase steady
        p0 send 0:1 -> ok @0
        at 9.5
        node3 says 0=1/e0[1,2,3]
        phase faults
        at 10
        fault 0 kill [1,2] killed | injecting down=1,2
        fault 0 kill [1,2] killed | injected
        at 60
        fault 0 kill [1] | healed gone
        at 61
        probed 0 write 1.5 9.95 170
        probed 0 write 10 60.4 20 refused
        probed 0 write 60.4 60.5 1
        p0 send 0:2 -> ok @1
        at 90
        finally 0@0=1 0@1=2";
    let mut history = dsl::history(text);
    history.header.expect.availability = toml("write-outage=10s");
    let verdict = crate::judge(&history, &Options::default());
    assert_eq!(crate::brief(&verdict), "valid");
    assert_eq!(only(&verdict).write_outage, Some(50_550_000_000));
}

/// Node 1 is killed at 10 s and comes back at 60 s; meanwhile topics are created, which takes nothing away.
fn beside_a_kill(healed: &str, limits: &str) -> Verdict {
    let text = format!(
        "topics log:1 rf=3 isr=2 require=kill
        at 1
        phase steady
        p0 send 0:1 -> ok @0
        at 9.5
        node2 says 0=2/e0[1,2,3]
        phase faults
        at 10
        fault 0 kill [1] killed | injecting down=1
        fault 0 kill [1] killed | injected
        at 10.5
        node2 says 0=2/e0[2,3]
        at 12
        fault 1 create-topics | injecting nothing
        fault 1 create-topics | injected
        at 13
        fault 1 create-topics | healed gone
        {healed}
        at 63
        probed 0 write 1.5 62.9 600
        p0 send 0:2 -> ok @1
        at 90
        finally 0@0=1 0@1=2"
    );
    let mut history = dsl::history(&text);
    history.header.expect.availability = toml(limits);
    crate::judge(&history, &Options::default())
}

#[test]
fn not_all_replicas_are_owed_while_a_fault_keeps_one_away() {
    let back = "at 60
        fault 0 kill [1] | healed gone
        at 62
        node2 says 0=2/e0[1,2,3]";
    let rows = [
        (back, "full-isr=30s recovery-time=30s", "valid"),
        // Two seconds after the node had come back are owed.
        (back, "full-isr=1900ms", "invalid: recovered-too-late 2"),
        (back, "full-isr=2100ms recovery-time=2100ms", "valid"),
        // One that never comes back had its effect looked at by nobody, and takes nothing from this.
        ("", "full-isr=30s recovery-time=30s", "unknown: effect"),
    ];
    for (healed, limits, expected) in rows {
        assert_eq!(
            crate::brief(&beside_a_kill(healed, limits)),
            expected,
            "{healed} {limits}"
        );
    }
}

#[test]
fn limits_without_a_prober_are_held_against_nothing() {
    assert_eq!(crate::brief(&run("", "write-outage=1s")), "unknown: availability");
    assert_eq!(crate::brief(&run("", "leader=1s")), "invalid: elected-too-late 2");
    // All was in sync at 23 s; when it was written again nobody tried.
    let read_only = "at 24\nprobed 0 read 1.5 89 900";
    assert_eq!(
        crate::brief(&run(read_only, "recovery-time=4s")),
        "unknown: availability"
    );
    assert_eq!(crate::brief(&run(read_only, "read-outage=4s")), "valid");
    assert_eq!(
        crate::brief(&run("", "recovery-time=4s")),
        "unknown: availability"
    );
}

#[test]
fn what_was_lost_is_put_down_to_the_fault_that_was_not_over() {
    let text = "topics log:1 rf=3 isr=2 faults
        at 1
        phase steady
        p0 send 0:1 -> ok @0
        at 8
        p0 send 0:2 -> ok @1
        at 9
        p0 send 0:3 -> ok @2
        phase faults
        at 10
        fault 0 power-loss [1] off | injected
        at 12
        fault 0 power-loss [1] | healed gone
        probed 0 write 1.5 12 170
        at 90
        finally 0@0=1";
    let mut history = dsl::history(text);
    history.header.expect.availability = toml("lost-records=1 lost-time=900ms");
    let verdict = crate::judge(&history, &Options::default());
    assert_eq!(verdict.valid, Validity::Invalid);
    let row = only(&verdict);
    assert_eq!((row.lost, row.lost_time), (2, 1_000_000_000));
    assert_eq!(crate::brief(&verdict), "invalid: lost-too-much 1, lost-write 2");
}

#[test]
fn what_the_verdict_has_no_room_for_is_held_against_limits_too() {
    // Faults that take nothing away, and after them one that took the leader.
    let harmless: Vec<String> = (1..=Outage::ROWS_MAX)
        .map(|id| format!("fault {id} create-topics | injected\nfault {id} create-topics | healed gone"))
        .collect();
    let harmless = harmless.join("\n");
    let text = format!(
        "topics log:1 rf=3 isr=2 faults
        at 1
        phase steady
        p0 send 0:1 -> ok @0
        node2 says 0=1/e0[1,2,3]
        phase faults
        {harmless}
        at 10
        node2 says 0=1/e0[1,2,3]
        fault 9000 kill [1] killed | injecting down=1
        fault 9000 kill [1] killed | injected
        at 12
        node2 says 0=2/e1[2,3]
        at 20
        fault 9000 kill [1] | healed gone
        node2 says 0=2/e1[1,2,3]
        p0 send 0:2 -> ok @1
        at 90
        finally 0@0=1 0@1=2"
    );
    let mut history = dsl::history(&text);
    history.header.expect.availability = toml("leader=1s");
    let verdict = crate::judge(&history, &Options::default());
    assert_eq!(crate::brief(&verdict), "invalid: elected-too-late 1");
    let measured = verdict.availability.expect("it was measured");
    assert_eq!((measured.outages.len(), measured.left_out), (Outage::ROWS_MAX, 1));
}

#[test]
fn outages_that_are_not_kept_are_known_to_be_missing() {
    let attempts: Vec<String> = (0..1_010)
        .map(|number| {
            let second = 24.0 + f64::from(number) / 100.0;
            let (failed, done) = (second + 0.002, second + 0.005);
            format!("probed 0 write {second} {failed} 1 refused\nprobed 0 write {failed} {done} 1")
        })
        .collect();
    let attempts = attempts.join("\n");
    let probes = format!("at 40\nprobed 0 read 1.5 39 400\n{attempts}");
    assert_eq!(
        crate::brief(&run(&probes, "write-outage=5s")),
        "unknown: availability"
    );
    assert_eq!(crate::brief(&run(&probes, "leader=5s")), "valid");
}

#[test]
fn figures_survive_being_written_down() {
    let measured = run(&down_until(13.0), "").availability.expect("it was measured");
    let text = serde_json::to_string(&measured).expect("it has a form in JSON");
    let again: Availability = serde_json::from_str(&text).expect("it is one");
    assert_eq!(again, measured);
}

#[test]
fn what_no_fault_is_to_blame_for_is_told_apart() {
    let found = |probes: &str| {
        let verdict = run(probes, "");
        let measured = verdict.availability.expect("it was measured");
        let without = measured.without_fault.expect("writes were tried");
        (without.count, without.longest, without.total)
    };
    assert_eq!(found(&down_until(13.0)), (0, 0, 0));
    let later = "at 24
        probed 0 write 1.5 3 30
        probed 0 write 3.1 4.1 20 refused
        probed 0 write 4.1 4.2 1
        at 89
        probed 0 write 4.3 39.9 300
        probed 0 write 40 42 20 refused
        probed 0 write 42 42.1 1
        probed 0 write 42.1 89 900";
    assert_eq!(found(later), (2, 2_200_000_000, 3_400_000_000));
}
