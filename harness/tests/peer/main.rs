//! Our judge of transactions against another of Elle's kind, the crate `adya`, at random histories: of stores
//! under several isolations, with up to three random changes.
//!
//! Both have to come to the same verdict by the same anomalies. An anomaly that implies another stands for both,
//! since both judges leave out what is implied. Where the two differ for a known reason, [`DIFFERENCES`] says
//! which of them is right and why.

mod case;
mod differences;
mod explained;
mod mutate;

use std::collections::BTreeMap;

use checkers::{ANOMALIES, Consistency, Validity};
use synthetic::Data;

use case::{Case, Judged};
use differences::reasons;

/// Random histories of each kind.
const HISTORIES: u64 = 200;
/// Random histories of which all orders are tried.
const TINY: u64 = 600;
/// The models that both know.
const MODELS: [&str; 4] = [
    "read-committed",
    "snapshot-isolation",
    "serializable",
    "strict-serializable",
];

/// What came of many comparisons.
#[derive(Default)]
struct Tally {
    agreed: BTreeMap<Validity, u64>,
    /// Cases that differ for a reason of the list, by its name.
    known: BTreeMap<&'static str, u64>,
    /// The others, by how they differ.
    unknown: BTreeMap<String, Vec<String>>,
}

fn compare(data: Data) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..HISTORIES {
        let case = Case::random(data, seed);
        for model in MODELS {
            let (ours, theirs) = (case.ours(model), case.theirs(model));
            if ours.agrees(&theirs) {
                *tally.agreed.entry(ours.valid).or_default() += 1;
                continue;
            }
            if let Some(reasons) = reasons(&case, &ours, &theirs) {
                for reason in reasons {
                    *tally.known.entry(reason).or_default() += 1;
                }
                continue;
            }
            let kind = format!("{model}: {}", ours.against(&theirs));
            let all = tally.unknown.entry(kind).or_default();
            all.push(told(&case, model, &ours, &theirs));
        }
    }
    tally
}

fn told(case: &Case, model: &str, ours: &Judged, theirs: &Judged) -> String {
    let strict = model.starts_with("strict");
    let explained = match explained::explained(&case.history.events, strict) {
        None => "too long to try all orders",
        Some(true) => "some order explains it",
        Some(false) => "no order explains it",
    };
    format!("{case}{model}: ours {ours}, theirs {theirs}; {explained}\n")
}

fn agree(data: Data) {
    let tally = compare(data);
    eprintln!("agreed {:?}, known differences {:?}", tally.agreed, tally.known);
    let told = tally.unknown.iter().map(|(kind, all)| {
        let shortest = all.iter().min_by_key(|text| text.len());
        format!(
            "{} times {kind}, the shortest:\n{}\n",
            all.len(),
            shortest.expect("one")
        )
    });
    let told: String = told.collect();
    assert!(told.is_empty(), "without a known reason:\n{told}");
    for valid in [Validity::Valid, Validity::Invalid] {
        let agreed = tally.agreed.get(&valid).copied().unwrap_or(0);
        assert!(
            agreed > HISTORIES / 2,
            "{agreed} are {valid:?}: too few to tell anything"
        );
    }
}

#[test]
fn both_judge_lists_alike() {
    agree(Data::Lists);
}

#[test]
fn both_judge_registers_alike() {
    agree(Data::Registers);
}

/// Anomalies that the peer does not know, and what it would have to call a violation.
const OURS_ALONE: [&str; 2] = ["garbage-read", "unobservable-read"];

#[test]
fn both_tables_forbid_the_same() {
    let mut compared = 0;
    for model in Consistency::all() {
        let names = [model.name()].into_iter().chain(model.aliases().iter().copied());
        // The peer's `causal` is a model of single objects.
        let mut theirs = names.filter(|name| *name != "causal");
        let Some(name) = theirs.find_map(adya::model::canonical) else {
            continue;
        };
        let forbidden = adya::model::prohibited_by(&[name]);
        for anomaly in ANOMALIES {
            if !OURS_ALONE.contains(&anomaly.name) && anomaly.check == "txn" {
                let (ours, theirs) = (model.forbids(anomaly.name), forbidden.contains(anomaly.name));
                assert_eq!(ours, theirs, "{name} and {}", anomaly.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 400, "{compared} comparisons tell too little");
}

/// The judge of last resort knows a good history.
#[test]
fn an_order_explains_what_a_store_of_one_order_did() {
    for data in [Data::Lists, Data::Registers] {
        for seed in 0..HISTORIES {
            let case = Case::clean(data, seed);
            assert_eq!(
                explained::explained(&case.history.events, true),
                Some(true),
                "{case}"
            );
        }
    }
}

/// Whatever else is found: where an order explains all that was seen, nothing is accused. Where none does, nearly
/// everything is: of registers not all can be known.
#[test]
fn all_orders_tried_agree_with_us() {
    for (data, least) in [(Data::Lists, 0.99), (Data::Registers, 0.97)] {
        for model in ["serializable", "strict-serializable"] {
            let (mut fine, mut bad, mut accused) = (0, 0, 0);
            for seed in 0..TINY {
                let case = Case::tiny(data, seed);
                let ours = case.ours(model);
                let invalid = ours.valid == Validity::Invalid;
                match explained::explained(&case.history.events, model.starts_with("strict")) {
                    Some(true) => {
                        assert!(!invalid, "{case}{model}: {ours}");
                        fine += 1;
                    }
                    Some(false) => {
                        bad += 1;
                        accused += u64::from(invalid);
                    }
                    None => {}
                }
            }
            assert!(
                fine.min(bad) > TINY / 4,
                "{fine} and {bad} histories tell too little"
            );
            let share = accused as f64 / bad as f64;
            assert!(share >= least, "{data:?}, {model}: {accused} of {bad} accused");
        }
    }
}
