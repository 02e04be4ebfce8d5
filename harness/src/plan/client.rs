//! Which client library the clients of a plan are of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Plan, Wrong};

/// The clients' library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClientName {
    /// In this process.
    #[default]
    Librdkafka,
    /// Apache's own, of this version of Kafka; of the broker's where none is given.
    Java(Option<String>),
    /// confluent-kafka, of whichever version Python has.
    Python,
    /// A driver of somebody's own: a program and its arguments.
    Exec(Vec<String>),
}

impl fmt::Display for ClientName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Librdkafka => formatter.write_str("librdkafka"),
            Self::Java(None) => formatter.write_str("java"),
            Self::Java(Some(version)) => write!(formatter, "java:{version}"),
            Self::Python => formatter.write_str("python"),
            Self::Exec(command) => write!(formatter, "exec:{}", command.join(" ")),
        }
    }
}

impl FromStr for ClientName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "librdkafka" => Ok(Self::Librdkafka),
            None if text == "java" => Ok(Self::Java(None)),
            None if text == "python" => Ok(Self::Python),
            Some(("java", version)) if !version.is_empty() => Ok(Self::Java(Some(version.to_owned()))),
            Some(("exec", command)) if !command.trim().is_empty() => Ok(Self::Exec(
                command.split_whitespace().map(str::to_owned).collect(),
            )),
            _ => Err(format!(
                "there is no client `{text}`: librdkafka, java, java:VERSION, python, exec:PROGRAM ARGUMENTS"
            )),
        }
    }
}

impl TryFrom<String> for ClientName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ClientName> for String {
    fn from(name: ClientName) -> Self {
        name.to_string()
    }
}

/// Apache's clients before this version lack what the driver asks of them.
const JAVA_MIN: (u32, u32) = (2, 8);

/// Refuses a client that cannot do what the plan asks for, as far as that is known without starting it.
pub(super) fn check(plan: &Plan, wrong: &mut Vec<Wrong>) {
    let mut say = |reason: String| wrong.push(Wrong::new(&["client"], reason));
    match &plan.client {
        ClientName::Librdkafka if plan.workload.needs().contains(&"share-groups") => say(format!(
            "librdkafka has no share groups, which the workload {} needs: set client = \"java\"",
            plan.workload.name()
        )),
        ClientName::Librdkafka => {}
        client if plan.is_simulated() => {
            say(format!(
                "the simulated broker is spoken to by no client library: leave `{client}` out"
            ));
        }
        client if plan.is_attached() => say(format!(
            "a cluster of somebody else's is spoken to by librdkafka alone: leave `{client}` out"
        )),
        ClientName::Java(version) => {
            let version = version.clone().unwrap_or_else(|| plan.kafka().version);
            if let Err(reason) = known_version(&version) {
                say(reason);
            }
        }
        ClientName::Python | ClientName::Exec(_) => {}
    }
}

fn known_version(version: &str) -> Result<(), String> {
    super::check::known_broker(&format!("kafka-{version}"))
        .map_err(|reason| format!("Apache's client of version {version}: {reason}"))?;
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    let of_two = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if of_two < JAVA_MIN {
        return Err(format!(
            "Apache's client {version} is too old to be driven: name a newer one, such as \"java:3.9.2\""
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ClientName, known_version};

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in [
            "librdkafka",
            "java",
            "java:3.9.2",
            "python",
            "exec:./driver.py --fast",
        ] {
            let name: ClientName = text.parse().expect(text);
            assert_eq!(name.to_string(), text);
        }
        for text in ["", "jav", "java:", "exec:", "exec: ", "python:3"] {
            let error = text.parse::<ClientName>().expect_err(text);
            assert!(error.contains("librdkafka, java, java:VERSION"), "{error}");
        }
    }

    #[test]
    fn versions_that_cannot_be_driven_are_refused() {
        assert_eq!(known_version("4.4.0"), Ok(()));
        assert_eq!(known_version("2.8.2"), Ok(()));
        for (version, part) in [("1.1.0", "too old"), ("9.9.9", "not known")] {
            let error = known_version(version).expect_err(version);
            assert!(error.contains(part), "{error}");
        }
    }
}
