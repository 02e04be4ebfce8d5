//! `--pcap`: what passes on links, in files of the run's directory that packet analysers read.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail};
use cluster::SandboxEnvironment;
use sandbox::{CaptureReport, CaptureSpec, Place};

use crate::cli::EnvironmentName;
use crate::directory::RunDirectory;

/// How large both files together may become.
const BYTES_MAX: u64 = 256 << 20;

/// Links whose packets are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// All but the observer's.
    All,
    /// The one between these two, in both directions.
    Between(Place, Place),
}

impl FromStr for Links {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let ends = text.split_once('-');
        match ends.and_then(|(one, other)| Some((place(one)?, place(other)?))) {
            Some((one, other)) if one != other => Ok(Self::Between(one, other)),
            _ => Err("write `all`, or a link by its two ends, such as `n1-n2` or `n1-clients`".to_owned()),
        }
    }
}

fn place(name: &str) -> Option<Place> {
    if name == "clients" {
        return Some(Place::Clients);
    }
    let number = name.strip_prefix('n')?.parse().ok()?;
    (number > 0).then_some(Place::Node(number))
}

impl fmt::Display for Links {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Between(one, other) => write!(formatter, "{one}-{other}"),
        }
    }
}

/// Refuses links of nodes that this cluster does not have.
pub fn check(links: &[Links], env: EnvironmentName, nodes: u32, simulated: bool) -> Result<()> {
    if simulated && !links.is_empty() {
        bail!("a simulated broker sends no packets: leave --pcap out");
    }
    if env != EnvironmentName::Sandbox && !links.is_empty() {
        bail!("--pcap: packets are written down by the sandbox's switch: leave it out with --env {env}");
    }
    for link in links {
        let Links::Between(one, other) = link else {
            continue;
        };
        let missing = |place: &&Place| matches!(place, Place::Node(number) if *number > nodes);
        if let Some(place) = [one, other].into_iter().find(missing) {
            bail!("--pcap {link}: there is no {place}, this cluster has {nodes} nodes");
        }
    }
    Ok(())
}

/// Begins to write down what passes on these links, where there are any.
pub fn begin(environment: &SandboxEnvironment, directory: &RunDirectory, links: &[Links]) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let between = |link: &Links| match link {
        Links::All => None,
        Links::Between(one, other) => Some((*one, *other)),
    };
    // Where all are asked for beside some, all are meant.
    let chosen: Option<Vec<_>> = links.iter().map(between).collect();
    let spec = CaptureSpec {
        links: chosen.unwrap_or_default(),
        delivered: directory.delivered(),
        dropped: directory.dropped(),
        bytes_max: BYTES_MAX,
    };
    environment
        .switch()
        .capture(&spec)
        .context("capture what passes on links")
}

/// Ends it; what there is to say of it.
pub fn end(environment: &SandboxEnvironment) -> Result<Option<String>> {
    let report = environment.switch().end_capture()?;
    Ok(report.map(|report| {
        let CaptureReport {
            delivered,
            dropped,
            missed,
        } = report;
        let missed = match missed {
            0 => String::new(),
            missed => format!("; {missed} more, for which there was no room"),
        };
        format!("pcap: {delivered} frames delivered, {dropped} dropped{missed}")
    }))
}

#[cfg(test)]
mod tests {
    use super::{Links, check};
    use crate::cli::EnvironmentName;

    #[test]
    fn links_are_named_by_their_ends() {
        for text in ["all", "n1-n2", "n3-clients", "clients-n9"] {
            let links: Links = text.parse().expect("a link");
            assert_eq!(links.to_string(), text);
        }
        for text in [
            "",
            "n1",
            "n1-n1",
            "n0-n2",
            "n1-n2-n3",
            "1-2",
            "n1-observer",
            "n1 n2",
        ] {
            text.parse::<Links>().expect_err(text);
        }
    }

    #[test]
    fn links_that_are_not_there_are_refused() {
        let links = |text: &str| [text.parse().expect("a link")];
        let sandbox = EnvironmentName::Sandbox;
        check(&links("n1-n3"), sandbox, 3, false).expect("it is there");
        let error = check(&links("n1-n4"), sandbox, 3, false)
            .expect_err("it is not")
            .to_string();
        assert_eq!(error, "--pcap n1-n4: there is no n4, this cluster has 3 nodes");
        check(&links("all"), sandbox, 3, true).expect_err("nothing is sent");
        check(&[], sandbox, 3, true).expect("nothing is asked for");
        check(&links("all"), EnvironmentName::Host, 3, false).expect_err("nobody sees them");
        check(&[], EnvironmentName::Host, 3, false).expect("nothing is asked for");
    }
}
