//! `tribunal clean`: takes away what killed runs left in a container engine, or on the hosts of an inventory.

use std::path::Path;

use anyhow::anyhow;
use cluster::docker::{Swept, sweep};
use cluster::ssh;

use crate::cli::CleanOptions;
use crate::exit::{Exit, Failure};
use crate::inventory;
use crate::print;

/// Runs the command.
pub fn clean(options: &CleanOptions) -> Result<Exit, Failure> {
    if let Some(inventory) = &options.inventory {
        return clean_hosts(inventory);
    }
    let swept = sweep(true).map_err(Failure::infrastructure)?;
    print::data(&render(&swept)).map_err(Failure::infrastructure)?;
    Ok(Exit::Valid)
}

/// Goes on with the others where one cannot be cleaned.
fn clean_hosts(inventory: &Path) -> Result<Exit, Failure> {
    let hosts = inventory::load(inventory).map_err(Failure::usage)?;
    let mut failed = 0;
    for host in &hosts {
        match ssh::sweep(host) {
            Ok(swept) => print::data(&on_host(&host.to_string(), &swept)).map_err(Failure::infrastructure)?,
            Err(error) => {
                failed += 1;
                eprintln!("{host}: {error:#}");
            }
        }
    }
    if failed > 0 {
        let error = anyhow!("clean {failed} of {} hosts: see above", hosts.len());
        return Err(Failure::infrastructure(error));
    }
    Ok(Exit::Valid)
}

/// A line for each thing on a host.
fn on_host(host: &str, swept: &ssh::Swept) -> String {
    let removed = swept
        .removed
        .iter()
        .map(|run| format!("{host}: removed the run {run}"));
    let left = swept
        .left
        .iter()
        .map(|run| format!("{host}: left the run {run}: it goes on, or its lease will end it"));
    let jars = swept.jars.then(|| format!("{host}: removed the jars"));
    let lines: Vec<String> = removed.chain(left).chain(jars).collect();
    if lines.is_empty() {
        return format!("{host}: nothing was left");
    }
    lines.join("\n")
}

/// One line for each thing that was removed.
fn render(swept: &Swept) -> String {
    if swept.is_empty() {
        return "nothing was left".to_owned();
    }
    let directories: Vec<String> = swept
        .directories
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut lines = Vec::new();
    for (kind, names) in [
        ("container", &swept.containers),
        ("network", &swept.networks),
        ("image", &swept.images),
        ("directory", &directories),
    ] {
        for name in names {
            lines.push(format!("removed the {kind} {name}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_hosts_also_what_stays_is_named() {
        assert_eq!(on_host("h", &ssh::Swept::default()), "h: nothing was left");
        let swept = ssh::Swept {
            removed: vec!["1".to_owned()],
            left: vec!["2".to_owned()],
            jars: false,
        };
        let expected = "h: removed the run 1\nh: left the run 2: it goes on, or its lease will end it";
        assert_eq!(on_host("h", &swept), expected);
    }

    #[test]
    fn what_was_removed_is_named() {
        assert_eq!(render(&Swept::default()), "nothing was left");
        let swept = Swept {
            containers: vec!["tribunal-1-n1".to_owned()],
            directories: vec!["/tmp/tribunal-docker-1".into()],
            ..Swept::default()
        };
        let expected = "removed the container tribunal-1-n1\nremoved the directory /tmp/tribunal-docker-1";
        assert_eq!(render(&swept), expected);
    }
}
