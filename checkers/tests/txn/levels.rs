//! A history of each anomaly, and the consistency models that it refutes.

use checkers::{Consistency, Model, Validity};

use crate::dsl::{judge, parse};

/// Judges a line of lists by every model, and compares the weakest models that it refutes.
#[track_caller]
fn refutes(text: &str, expected: &[&str]) {
    let expected: Vec<Consistency> = expected
        .iter()
        .map(|name| name.parse().expect("a consistency model"))
        .collect();
    let history = parse(text, Model::ListAppend);
    for model in Consistency::all() {
        let verdict = judge(&history, Model::ListAppend, model.name());
        let refuted = expected.iter().any(|weaker| model.implies(*weaker));
        assert_eq!(
            verdict.valid == Validity::Invalid,
            refuted,
            "{text} under {model}: {}",
            verdict.summary
        );
        if refuted {
            assert!(verdict.stats.not.iter().all(|name| {
                let refuted = Consistency::named(name).expect("a consistency model");
                expected.iter().any(|weaker| refuted.implies(*weaker))
            }));
        } else if verdict.valid == Validity::Valid {
            assert_eq!(verdict.stats.possible, [model.name()]);
        }
    }
}

#[test]
fn each_anomaly_refutes_its_models_and_no_others() {
    refutes("ax1 ay1 / ax2 ay2 / rx12 ry21", &["read-uncommitted"]);
    refutes("ax1 / rx11", &["read-uncommitted"]);
    refutes("ax1 / rx19", &["read-uncommitted"]);
    refutes("ax1! / rx1 / ay1 > ry1", &["read-committed"]);
    refutes("ax1 ry1 / ay1 rx1", &["read-committed"]);
    refutes("ax1 / ax2 / rx12 / rx21", &["read-committed"]);
    refutes("rx1 ax1 / rx1", &["read-committed"]);
    refutes("ax1 rx / rx1", &["read-atomic", "serializable"]);
    refutes(
        "rx ax1 / rx ax2",
        &["cursor-stability", "update-atomic", "repeatable-read"],
    );
    refutes("ax1 ay1 / rx ry1", &["consistent-view", "repeatable-read"]);
    refutes(
        "ax1 / ay1 / rx1 ry / rx ry1",
        &["snapshot-isolation", "repeatable-read"],
    );
    refutes("rx ry ax1 / rx ry ay1", &["repeatable-read"]);
    refutes("1: ax1 > 1: ax2 > 2: rx21", &["strong-session-read-uncommitted"]);
    refutes("1: ax1 > 3: ax2 > 2: rx21", &["strong-read-uncommitted"]);
    refutes("1: rx1 > 1: ax1", &["strong-session-read-committed"]);
    refutes("1: rx1 > 2: ax1", &["strong-read-committed"]);
    refutes("1: ax1 > 1: rx", &["strong-session-snapshot-isolation"]);
    refutes("1: ax1 > 2: rx", &["strong-snapshot-isolation"]);
    refutes("ax1 > rx1", &[]);
}
