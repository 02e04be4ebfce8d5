//! What a reader is told.

use checkers::{Model, Verdict};
use history::{Format, Header, History, Names, ReadError, Scanned, Source};

use crate::dsl::{judge, parse};

/// The summary, and of each finding its story and cycle.
fn told(verdict: &Verdict) -> String {
    let mut lines = vec![verdict.summary.clone()];
    for (name, findings) in verdict.anomalies.iter().chain(&verdict.allowed) {
        for case in &findings.cases {
            lines.push(format!("{name} {} at {} ms, ops {:?}", findings.count, case.time / 1_000_000, case.ops));
            lines.extend(case.story.iter().map(|sentence| format!("  {sentence}")));
            let cycle = case.cycle.iter();
            for (place, operation) in cycle.clone().flat_map(|cycle| &cycle.operations).enumerate() {
                lines.push(format!("  T{} = {} ({})", place + 1, operation.text, operation.outcome));
            }
            for edge in cycle.flat_map(|cycle| &cycle.edges) {
                let key = edge.key.as_deref().unwrap_or("-");
                lines.push(format!("  {} -> {} {:?} {key}", edge.from, edge.to, edge.rel));
            }
        }
    }
    lines.join("\n")
}

fn lists(text: &str, consistency: &str) -> String {
    told(&named(text, Model::ListAppend, consistency))
}

fn registers(text: &str, consistency: &str) -> String {
    told(&named(text, Model::RwRegister, consistency))
}

/// A history whose keys have names.
struct Named {
    history: History,
    names: Names,
}

impl Source for Named {
    fn header(&self) -> &Header {
        &self.history.header
    }

    fn format(&self) -> Format {
        Format::JepsenEdn
    }

    fn names(&self) -> &Names {
        &self.names
    }

    fn scan(
        &mut self,
        visit: &mut dyn FnMut(&[history::Event]) -> std::ops::ControlFlow<()>,
    ) -> Result<Scanned, ReadError> {
        for event in &self.history.events {
            if visit(std::slice::from_ref(event)).is_break() {
                break;
            }
        }
        Ok(Scanned::default())
    }
}

fn named(text: &str, model: Model, consistency: &str) -> Verdict {
    let history = parse(text, model);
    let plain = judge(&history, model, consistency);
    let keys = ('a'..='z').map(String::from).collect();
    let names = Names {
        keys,
        values: [(9, ":nine".to_owned())].into(),
    };
    let options = checkers::Options {
        model: Some(model),
        consistency: consistency.parse().expect("a consistency model"),
        ..checkers::Options::default()
    };
    let verdict = checkers::check(&mut Named { history, names }, &options).expect("memory can be read");
    assert_eq!(plain.stats, verdict.stats);
    verdict
}
