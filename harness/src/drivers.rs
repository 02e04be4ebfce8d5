//! The drivers that ship, and how each is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use cluster::kafka::{Install, InstallOptions, Java};
use history::Topic;
use sha2::{Digest as _, Sha256};
use workloads::{Described, Program};

use crate::plan::{ClientName, Resolved};

/// Java's, as `scripts/java-driver` made it of its source.
const JAVA_DRIVER: &[u8] = include_bytes!("../../drivers/java/driver.jar");
/// Python's.
const PYTHON_DRIVER: &str = include_str!("../../drivers/python/driver.py");
/// Names the Python that has confluent-kafka.
const PYTHON_VARIABLE: &str = "TRIBUNAL_PYTHON";

/// A JVM of clients starts quickly and is small.
const JVM: [&str; 4] = [
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
];

/// The program of a run's clients; none where they are in this process. Everything that it is made of is in the cache or at hand, and
/// what is missing is told with what to do.
pub fn program(resolved: &Resolved, offline: bool) -> Result<Option<Program>> {
    let name = resolved.plan.client.to_string();
    let command = match &resolved.plan.client {
        ClientName::Librdkafka => return Ok(None),
        ClientName::Java(version) => {
            let version = version.clone().unwrap_or_else(|| resolved.kafka().version);
            java(&version, offline)?
        }
        ClientName::Python => python()?,
        ClientName::Exec(command) => {
            let command = command.clone();
            ensure!(
                found(&command[0]).is_some(),
                "start the client {name}: there is no program `{}`, here or on the PATH",
                command[0]
            );
            command
        }
    };
    Ok(Some(Program {
        name,
        command,
        directory: None,
    }))
}

/// Starts the program to ask what it is, and refuses one that lacks what the plan's workload needs.
pub fn describe(program: &Program, resolved: &Resolved, topics: &[Topic]) -> Result<Described> {
    let described = workloads::describe(program, topics)?;
    let needs = resolved.plan.workload.needs();
    let lacking = described.lacks(&needs);
    if !lacking.is_empty() {
        bail!(
            "the client {} ({} {}) cannot do what the workload {} needs: {}",
            program.name,
            described.library,
            described.version,
            resolved.plan.workload.name(),
            lacking.join(", ")
        );
    }
    Ok(described)
}

fn java(version: &str, offline: bool) -> Result<Vec<String>> {
    let java = Java::find()?;
    let options = InstallOptions::from_environment(offline)?;
    let install: Install = cluster::kafka::install(version, &options, &|_| {})
        .with_context(|| format!("find the jars of Apache's client {version}"))?;
    let driver = written("driver.jar", JAVA_DRIVER)?;
    let mut command = vec![java.program.display().to_string()];
    command.extend(JVM.map(str::to_owned));
    command.extend([
        "-cp".to_owned(),
        format!("{}:{}", driver.display(), install.class_path()),
        "Driver".to_owned(),
    ]);
    Ok(command)
}

fn python() -> Result<Vec<String>> {
    let named = std::env::var(PYTHON_VARIABLE)
        .ok()
        .filter(|name| !name.is_empty());
    let python = named.unwrap_or_else(|| "python3".to_owned());
    let hint = format!(
        "make a place for it (python3 -m venv DIR && DIR/bin/pip install confluent-kafka) and set {PYTHON_VARIABLE}=DIR/bin/python"
    );
    ensure!(
        found(&python).is_some(),
        "start the client python: there is no program `{python}`\nhint: {hint}"
    );
    let tried = Command::new(&python)
        .args(["-c", "import confluent_kafka"])
        .output()
        .with_context(|| format!("start {python}"))?;
    ensure!(
        tried.status.success(),
        "start the client python: {python} has no confluent-kafka\nhint: {hint}"
    );
    let driver = written("driver.py", PYTHON_DRIVER.as_bytes())?;
    Ok(vec![python, "-u".to_owned(), driver.display().to_string()])
}

/// A driver's file in the cache, in a directory of its sum.
fn written(name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let cache = InstallOptions::from_environment(true)?.cache;
    let directory = cache.join("drivers").join(&sum_of(bytes)[..16]);
    std::fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    let file = std::path::absolute(directory.join(name)).context("find the cache")?;
    if std::fs::read(&file).ok().as_deref() != Some(bytes) {
        // Whole or not at all: another run may do the same.
        let half = directory.join(format!("{name}.{}", std::process::id()));
        let wrote = std::fs::write(&half, bytes).and_then(|()| std::fs::rename(&half, &file));
        wrote.with_context(|| format!("write {}", file.display()))?;
    }
    Ok(file)
}

fn sum_of(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Where a program is: the path itself, or the first of that name on the PATH.
fn found(program: &str) -> Option<PathBuf> {
    let path = Path::new(program);
    if program.contains('/') {
        return path.is_file().then(|| path.to_owned());
    }
    let directories = std::env::var_os("PATH")?;
    std::env::split_paths(&directories)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::{JAVA_DRIVER, found, sum_of};

    const SOURCE: &[u8] = include_bytes!("../../drivers/java/Driver.java");
    const SUMS: &str = include_str!("../../drivers/java/driver.sha256");

    #[test]
    fn the_jar_is_made_of_the_source() {
        let sums: Vec<_> = SUMS.split_whitespace().collect();
        let expected = [&sum_of(SOURCE), "Driver.java", &sum_of(JAVA_DRIVER), "driver.jar"];
        assert_eq!(sums, expected, "run scripts/java-driver");
    }

    #[test]
    fn the_guide_shows_the_small_driver_as_it_is() {
        let shown = include_str!("../../docs/drivers.md");
        let small = include_str!("../../drivers/python/small.py");
        assert!(shown.contains(&format!("```python\n{small}```\n")));
    }

    #[test]
    fn a_program_is_a_path_or_on_the_path() {
        assert!(found("sh").is_some());
        assert!(found("/bin/sh").is_some());
        assert_eq!(found("no-such-program"), None);
        assert_eq!(found("./no-such-program"), None);
    }
}
