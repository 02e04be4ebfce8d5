//! `tribunal broker add`: versions that do not ship.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use cluster::kafka::{Added, InstallOptions, is_version};
use indicatif::HumanBytes;

use crate::exit::{Exit, Failure};
use crate::interrupts::Interrupts;
use crate::print;
use crate::progress::Progress;

/// `tribunal broker`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct BrokerOptions {
    /// What to do.
    #[command(subcommand)]
    pub what: BrokerCommand,
}

/// What can be done with brokers.
#[derive(Debug, Subcommand)]
pub enum BrokerCommand {
    /// Resolve the jars of a version with Maven, and pin their sums in `locks/` of the cache directory.
    Add {
        /// The version, as a plan names it: kafka-X.Y.Z.
        #[arg(value_name = "KAFKA-X.Y.Z", value_parser = parse_version)]
        broker: String,
        /// One line a step, also on a terminal.
        #[arg(long)]
        plain: bool,
    },
}

fn parse_version(word: &str) -> Result<String, String> {
    let version = word.strip_prefix("kafka-").filter(|version| is_version(version));
    version
        .map(str::to_owned)
        .ok_or_else(|| "a version of Kafka is wanted, such as kafka-4.3.0".to_owned())
}

/// Runs `tribunal broker`.
pub fn broker(options: &BrokerOptions) -> Result<Exit, Failure> {
    let BrokerCommand::Add { broker, plain } = &options.what;
    let added = add(broker, *plain).map_err(Failure::infrastructure)?;
    print::data(told(broker, &added).trim_end()).map_err(Failure::infrastructure)?;
    Ok(Exit::Valid)
}

fn add(version: &str, plain: bool) -> anyhow::Result<Added> {
    let options = InstallOptions::from_environment(false)?;
    let mut interrupts = Interrupts::listen()?;
    let progress = Progress::new(plain);
    let added = cluster::kafka::add(
        version,
        &options,
        &|seen| progress.preparing(&seen),
        &mut |time| interrupts.within(time),
    );
    progress.finish();
    added
}

/// What a person reads once it is done.
fn told(version: &str, added: &Added) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match &added.lock {
        None => writeln!(text, "kafka-{version} ships: there is nothing to add."),
        Some(lock) if added.already => {
            writeln!(
                text,
                "kafka-{version} was added before: its sums are pinned in {}.",
                lock.display()
            )
        }
        Some(lock) => writeln!(
            text,
            "kafka-{version} is added: {} jars, {}, their sums pinned in {}.",
            added.jars,
            HumanBytes(added.bytes),
            lock.display()
        ),
    };
    if added.lock.is_some() {
        let _ = writeln!(
            text,
            "Levels of features, logging and settings are taken to be those of {}.",
            added.like
        );
    }
    let _ = writeln!(text, "Run it: tribunal run --broker kafka-{version}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_of_kafka_are_versions() {
        assert_eq!(parse_version("kafka-4.3.0"), Ok("4.3.0".to_owned()));
        for wrong in ["4.3.0", "kafka-", "kafka-4.x.0", "kafka-../x", "sim"] {
            assert!(parse_version(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_says_where_the_sums_are_and_what_is_taken_from_where() {
        let mut added = Added {
            lock: Some("/c/locks/kafka-4.3.0.lock".into()),
            already: false,
            jars: 46,
            bytes: 1 << 20,
            like: "4.3.1",
        };
        assert_eq!(
            told("4.3.0", &added),
            "kafka-4.3.0 is added: 46 jars, 1.00 MiB, their sums pinned in /c/locks/kafka-4.3.0.lock.\n\
             Levels of features, logging and settings are taken to be those of 4.3.1.\n\
             Run it: tribunal run --broker kafka-4.3.0\n"
        );
        added.lock = None;
        assert!(told("4.4.0", &added).contains("nothing to add"));
    }
}
