//! `tribunal check`: judge a history again, from wherever it comes. Writes nothing but the page that is asked for.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::anyhow;
use checkers::{Model, Options, SubVia, Verdict};
use history::{Event, Format, Header, Names, ReadError, Scanned, Source, Wanted};
use report::VerdictInput;

use crate::cli::{CheckOptions, SubViaName};
use crate::directory::{shown, write_whole};
use crate::exit::{Exit, Failure};
use crate::{judge, print};

/// Judges a run's directory or a history file.
pub fn check(options: &CheckOptions) -> Result<Exit, Failure> {
    if let Some(model) = options.model {
        refuse_useless(options, model.name())?;
    }
    let path = judge::history_of(&options.path)?;
    if let Some(page) = &options.report {
        judge::refuse_itself(&path, "--report", page)?;
    }
    let mut source = Counted {
        source: judge::open(&path)?,
        scanned: Scanned::default(),
    };
    if options.parse_only {
        return parse_only(options, &path, &mut source);
    }
    let verdict = checkers::check(&mut source, &judged_by(options));
    let verdict = verdict.map_err(|error| judge::unreadable_as(&path, source.format(), &error))?;
    refuse_useless(options, &verdict.model)?;
    eprintln!("format: {}", source.in_words());
    if options.json {
        let directory = options.path.is_dir().then_some(options.path.as_path());
        let printed = judge::Printed::new(&verdict, source.header(), directory);
        print::json(&printed).map_err(Failure::infrastructure)?;
    }
    let written = options.report.as_ref().map(|page| {
        let html = page_of(options, &path, &source, &verdict);
        write_whole(page, html.as_bytes()).map(|()| eprintln!("report: {}", shown(page)))
    });
    // What was found out is said, whether or not there is room for the page.
    eprint!("{}", report::text(&verdict));
    written.transpose().map_err(Failure::infrastructure)?;
    Ok(verdict.valid.into())
}

/// A choice that the model has no use for is a misunderstanding worth saying.
fn refuse_useless(options: &CheckOptions, model: &str) -> Result<(), Failure> {
    let of_logs = model == Model::Kafka.name();
    let of_transactions = [Model::ListAppend, Model::RwRegister]
        .iter()
        .any(|other| other.name() == model);
    let useless = [
        ("--consistency", options.consistency.is_some() && of_logs),
        ("--sub-via", options.sub_via.is_some() && of_transactions),
        ("--ww-deps", options.ww_deps && of_transactions),
    ];
    match useless.iter().find(|(_, useless)| *useless) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::usage(anyhow!(
            "{flag} says nothing to the model {model}: leave it out, or choose another --model"
        ))),
    }
}

fn judged_by(options: &CheckOptions) -> Options {
    Options {
        model: options.model,
        consistency: options.consistency,
        sub_via: match options.sub_via {
            Some(SubViaName::Subscribe) => SubVia::Subscribe,
            Some(SubViaName::Assign) | None => SubVia::Assign,
        },
        ww_deps: options.ww_deps,
    }
}

/// Reads and counts: what judging is measured against.
fn parse_only(options: &CheckOptions, path: &Path, source: &mut Counted) -> Result<Exit, Failure> {
    let scanned = source.scan(&mut |_| ControlFlow::Continue(()));
    let scanned = scanned.map_err(|error| judge::unreadable_as(path, source.format(), &error))?;
    if options.json {
        let text = serde_json::json!({
            "format": source.format().to_string(),
            "events": scanned.events,
            "truncated": scanned.truncated,
        });
        print::data(&format!("{text:#}")).map_err(Failure::infrastructure)?;
    }
    eprintln!("format: {}", source.in_words());
    Ok(Exit::Valid)
}

fn page_of(options: &CheckOptions, path: &Path, source: &Counted, verdict: &Verdict) -> String {
    let name = shown(path);
    report::verdict_page(&VerdictInput {
        header: source.header(),
        verdict,
        name: &name,
        format: source.format(),
        scanned: source.scanned,
        again: &again(options, &name),
    })
}

/// The command that comes to the same verdict again.
fn again(options: &CheckOptions, name: &str) -> String {
    let sub_via = options.sub_via.map(|via| match via {
        SubViaName::Assign => "assign",
        SubViaName::Subscribe => "subscribe",
    });
    let choices = [
        options.model.map(|model| format!(" --model {}", model.name())),
        options
            .consistency
            .map(|consistency| format!(" --consistency {consistency}")),
        sub_via.map(|via| format!(" --sub-via {via}")),
        options.ww_deps.then(|| " --ww-deps".to_owned()),
    ];
    let choices: String = choices.into_iter().flatten().collect();
    format!("tribunal check {name}{choices}")
}

/// A source that remembers what its longest walk came through.
struct Counted {
    source: Box<dyn Source>,
    scanned: Scanned,
}

impl Counted {
    /// The format and the size, for people.
    fn in_words(&self) -> String {
        let version = match self.format() {
            Format::Tribunal => format!(" {}", self.header().version),
            _ => String::new(),
        };
        let Scanned {
            events,
            truncated,
            skipped,
        } = self.scanned;
        let others = match skipped {
            0 => String::new(),
            skipped => format!(
                ", {} operations of other kinds left out",
                checkers::number(skipped)
            ),
        };
        let cut = if truncated {
            ", and the last one breaks off"
        } else {
            ""
        };
        format!(
            "{}{version}, {} events{others}{cut}",
            self.format(),
            checkers::number(events)
        )
    }
}

impl Source for Counted {
    fn header(&self) -> &Header {
        self.source.header()
    }

    fn format(&self) -> Format {
        self.source.format()
    }

    fn names(&self) -> &Names {
        self.source.names()
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>) -> Result<Scanned, ReadError> {
        let scanned = self.source.scan(visit)?;
        if scanned.events >= self.scanned.events {
            self.scanned = scanned;
        }
        Ok(scanned)
    }

    fn scan_again(
        &mut self,
        wanted: &Wanted<'_>,
        visit: &mut dyn FnMut(&[Event]) -> ControlFlow<()>,
    ) -> Result<Scanned, ReadError> {
        self.source.scan_again(wanted, visit)
    }
}
