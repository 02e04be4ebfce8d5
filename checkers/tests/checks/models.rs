//! By which model a history is judged.

use checkers::{Model, Options, Validity};
use history::{Event, F, History, Mop, Op, Seen, Txn, What};

use crate::{dsl, judge};

/// A history of transactions with these steps, one each.
fn transactions(mops: Vec<Mop>) -> History {
    let mut history = dsl::history("foreign");
    for (op, mop) in (0..).zip(mops) {
        let op = Op::new(0, op, F::Txn(Txn { mops: vec![mop] }));
        for what in [What::Invoke(op.clone()), What::Ok(op)] {
            let time = history.events.len() as u64;
            history.events.push(Event { time, what });
        }
    }
    history
}

fn by(model: Option<Model>) -> Options {
    Options {
        model,
        ..Options::default()
    }
}

#[test]
fn the_first_telling_operation_decides() {
    let sends = dsl::history("foreign \n p0 crash -> info \n p0 send 0:1 -> ok @0 \n p1 poll -> ok 0@0=1");
    assert_eq!(judge(&sends, &by(None)).model, "kafka");
    let lists = transactions(vec![Mop::Read(0, Seen::Nothing), Mop::Append(0, 1)]);
    assert_eq!(judge(&lists, &by(None)).model, "list-append");
    let registers = transactions(vec![Mop::Read(0, Seen::One(1))]);
    assert_eq!(judge(&registers, &by(None)).model, "rw-register");
}

#[test]
fn what_speaks_of_no_model_or_of_two_is_unknown() {
    let nothing = judge(&dsl::history("foreign \n p0 crash -> info"), &by(None));
    assert_eq!(
        (nothing.valid, nothing.model.as_str()),
        (Validity::Unknown, "none")
    );
    assert!(
        nothing.summary.contains("no operation of any model"),
        "{}",
        nothing.summary
    );
    let mixed = transactions(vec![Mop::Append(0, 1), Mop::Write(1, 2)]);
    let mixed = judge(&mixed, &by(None));
    assert_eq!(mixed.valid, Validity::Unknown);
    assert!(
        mixed
            .summary
            .contains("mixes operations of list-append and rw-register"),
        "{}",
        mixed.summary
    );
}

#[test]
fn a_model_without_an_operation_is_unknown() {
    let sends = dsl::history("foreign \n p0 send 0:1 -> ok @0 \n p1 poll -> ok 0@0=1");
    for model in [Model::ListAppend, Model::RwRegister] {
        let verdict = judge(&sends, &by(Some(model)));
        assert_eq!(
            (verdict.valid, verdict.model.as_str()),
            (Validity::Unknown, model.name())
        );
        assert!(verdict.summary.contains("but of kafka"), "{}", verdict.summary);
    }
    assert_eq!(judge(&sends, &by(Some(Model::Kafka))).valid, Validity::Valid);
}
