//! `tribunal export`: write a history in a form that other checkers read.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use history::foreign::{self, ExportError};
use history::{ReadError, Source};
use report::{TableFiles, TablesError};

use crate::cli::{ExportFormat, ExportOptions};
use crate::directory::create_empty;
use crate::exit::{Exit, Failure};
use crate::judge;

/// Writes to the file that is named, or to standard output.
pub fn export(options: &ExportOptions) -> Result<Exit, Failure> {
    let path = judge::history_of(&options.path)?;
    if options.format == ExportFormat::Parquet {
        return write_tables(&path, options.out.as_deref());
    }
    let mut source = judge::open(&path)?;
    let written = match &options.out {
        None => write(
            options.format,
            source.as_mut(),
            &mut BufWriter::new(io::stdout().lock()),
        ),
        Some(out) => {
            judge::refuse_itself(&path, "--out", out)?;
            let file = File::create(out)
                .with_context(|| format!("create {}", out.display()))
                .map_err(Failure::infrastructure)?;
            write(options.format, source.as_mut(), &mut BufWriter::new(file))
        }
    };
    match written {
        Ok(operations) => {
            let what = match options.format {
                ExportFormat::Perfetto => "events",
                _ => "lines",
            };
            eprintln!("{} {what} written", checkers::number(operations));
            Ok(Exit::Valid)
        }
        // A reader that has seen enough is no error.
        Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Valid),
        Err(ExportError::Write(error)) => {
            let out = options.out.as_deref().unwrap_or(Path::new("standard output"));
            Err(Failure::infrastructure(anyhow!(
                "write {}: {error}",
                out.display()
            )))
        }
        Err(ExportError::Read(error)) => Err(unreadable(&path, source.as_ref(), &error)),
    }
}

fn write(format: ExportFormat, source: &mut dyn Source, out: &mut dyn Write) -> Result<u64, ExportError> {
    match format {
        ExportFormat::Edn => foreign::write_edn(source, out),
        ExportFormat::Jsonl => foreign::write_json_lines(source, out),
        ExportFormat::Json => foreign::write_elle_json(source, out),
        ExportFormat::Perfetto => report::trace(source, out),
        ExportFormat::Parquet => unreachable!("tables are several files"),
    }
}

/// Writes three tables into a new directory.
fn write_tables(path: &Path, out: Option<&Path>) -> Result<Exit, Failure> {
    let out = out.ok_or_else(|| {
        Failure::usage(anyhow!(
            "--format parquet writes several files: --out DIR names a new directory for them"
        ))
    })?;
    let mut source = judge::open(path)?;
    let out = create_empty(out).map_err(Failure::usage)?;
    let create = |name: &str| {
        let file = out.join(name);
        File::create(&file)
            .with_context(|| format!("create {}", file.display()))
            .map_err(Failure::infrastructure)
    };
    let files = TableFiles {
        operations: create("operations.parquet")?,
        records: create("records.parquet")?,
        events: create("events.parquet")?,
    };
    match report::tables(source.as_mut(), files) {
        Ok([operations, records, events]) => {
            let [operations, records, events] = [operations, records, events].map(checkers::number);
            eprintln!("{operations} operations, {records} records, {events} other events written");
            Ok(Exit::Valid)
        }
        Err(TablesError::Read(error)) => Err(unreadable(path, source.as_ref(), &error)),
        Err(TablesError::Write(error)) => Err(Failure::infrastructure(anyhow!(
            "write the tables in {}: {error}",
            out.display()
        ))),
    }
}

fn unreadable(path: &Path, source: &dyn Source, error: &ReadError) -> Failure {
    judge::unreadable_as(path, source.format(), error)
}
