//! A run in which everything that somebody else wrote is an attack on the page.

use checkers::{Case, Cycle, Rel, Story, Verdict};
use history::{FaultStep, History, Op, What};

use super::cycles;
use super::verdicts::{check, findings};

/// Breaks out of text, attributes, titles, styles and scripts, where one of them does not escape.
pub const ATTACK: &str = "\"'>]]></text></title></style></script><script>document.title='pwned'</script>\
    <img src=x onerror=\"document.title='pwned'\"><!-- \u{1b}[31m\u{0}\u{202e}javascript:alert(1)";

/// The control run with every text replaced.
pub fn history() -> History {
    let mut history = super::acks1();
    let header = &mut history.header;
    for text in [
        &mut header.plan,
        &mut header.broker,
        &mut header.started,
        &mut header.expect.acks,
    ] {
        ATTACK.clone_into(text);
    }
    ATTACK.clone_into(&mut header.topics[0].name);
    for event in &mut history.events {
        match &mut event.what {
            What::Info(Op { error, .. }) => *error = Some(ATTACK.to_owned()),
            What::Line(line) => line.text = format!("ERROR {ATTACK}"),
            What::Probed(probed) if probed.failed.is_some() => probed.failed = Some(ATTACK.to_owned()),
            What::Node(change) => ATTACK.clone_into(&mut change.state),
            What::Fault(fault) => {
                fault.kind = format!("{}{ATTACK}", fault.kind);
                ATTACK.clone_into(&mut fault.detail);
                match &mut fault.step {
                    FaultStep::Healed { evidence: text, .. } | FaultStep::Skipped { reason: text } => {
                        ATTACK.clone_into(text);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    history
}

/// Findings whose every word is an attack.
pub fn verdict(history: &History) -> Verdict {
    let mut verdict = super::verdicts::acks1(history);
    let case = Case {
        time: 6_000_000_000,
        key: Some(0),
        partition: Some(ATTACK.to_owned()),
        values: vec![u64::MAX],
        faults: vec![0, 77],
        nodes: vec![1, 99],
        story: vec![ATTACK.to_owned(), ATTACK.to_owned()],
        ..Case::default()
    };
    let cyclic = Case {
        cycle: Some(cycle()),
        ..case.clone()
    };
    verdict.anomalies.insert("G1c".to_owned(), findings(vec![cyclic]));
    ATTACK.clone_into(&mut verdict.summary);
    ATTACK.clone_into(&mut verdict.model);
    verdict
        .anomalies
        .insert(ATTACK.to_owned(), findings(vec![case.clone()]));
    verdict.allowed.insert(
        ATTACK.to_owned(),
        findings(vec![Case {
            key: Some(4_000_000_000),
            time: u64::MAX,
            ..case
        }]),
    );
    verdict
        .checks
        .push(check(ATTACK, checkers::Validity::Invalid, &[ATTACK, ATTACK]));
    verdict.stories = vec![story(0, 0), story(u64::MAX, i64::MAX), story(5, i64::MIN)];
    verdict
}

/// A story whose every word is an attack, and whose numbers are none that a run has.
fn story(time: u64, offset: i64) -> Story {
    Story {
        anomaly: ATTACK.to_owned(),
        key: u32::MAX,
        partition: ATTACK.to_owned(),
        first: Some(offset),
        last: Some(i64::MAX),
        from: time,
        until: u64::MAX,
        faults: vec![0, u32::MAX],
        lines: vec![history::BrokerLine {
            node: u32::MAX,
            at: u64::MAX,
            key: None,
            text: ATTACK.to_owned(),
        }],
        sentences: vec![ATTACK.to_owned()],
        ..Story::default()
    }
}

/// A cycle whose every word is an attack.
fn cycle() -> Cycle {
    let mut operations = vec![
        cycles::operation(1, 0, ATTACK, (5, Some(9))),
        cycles::operation(2, u32::MAX, ATTACK, (5, None)),
    ];
    for operation in &mut operations {
        ATTACK.clone_into(&mut operation.outcome);
    }
    let mut cycle = cycles::cycle(operations, &[(Rel::Rw, ATTACK, ATTACK); 2]);
    cycle.edges[1].to = 77;
    cycle
}

/// The page of a verdict alone whose every word is an attack.
pub fn verdict_page() -> String {
    let history = history();
    cycles::page_with(&history.header, &verdict(&history), ATTACK, ATTACK)
}
