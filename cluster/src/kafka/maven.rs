//! Maven, asked which jars a version of Kafka needs as it runs.
//!
//! Maven reads its settings as ever: mirrors, proxies and credentials of the machine hold. Its local repository is a folder of ours that goes
//! away, so that nothing is taken that somebody else put there, and nothing stays behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::child::Bound;
use super::install::MAVEN_CENTRAL;

/// How often Maven is asked whether it has ended.
const POLL: Duration = Duration::from_millis(100);
/// Maven is done within this time: it fetches a hundred files.
const DONE_WITHIN: Duration = Duration::from_secs(900);
/// What parts the jars of a class path: no path has it.
const SEPARATOR: char = '|';
/// How much of what Maven says is told on.
const TOLD_MAX: usize = 600;

/// Waits so long; whether somebody wants it to end.
pub type Wait<'a> = &'a mut dyn FnMut(Duration) -> bool;

/// An artefact as Maven names it: its group, its name, its version.
pub(super) type Artefact = (String, String, String);

/// Why Maven did not resolve.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// The first of the artefacts is not in the repository.
    NotThere,
    /// Anything else, to be told.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Unresolved {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Maven with a folder to work in.
pub(super) struct Maven<'a> {
    /// The program.
    pub(super) program: &'a str,
    /// The root of the repository that is asked where the settings name no mirror.
    pub(super) repository: &'a str,
    /// Where everything that it writes goes.
    pub(super) folder: &'a Path,
}

impl Maven<'_> {
    /// Below which folder it puts what it fetches, by the paths of a repository.
    pub(super) fn local(&self) -> PathBuf {
        self.folder.join("repository")
    }

    /// The jars that these artefacts need as they run, in the order of the class path, by their paths below a repository's root.
    pub(super) fn resolve(&self, artefacts: &[Artefact], wait: Wait<'_>) -> Result<Vec<String>, Unresolved> {
        let (pom, output, log) = (
            self.folder.join("pom.xml"),
            self.folder.join("class-path"),
            self.folder.join("log"),
        );
        fs::write(&pom, pom_of(artefacts, self.repository))
            .with_context(|| format!("write {}", pom.display()))?;
        let ended = self.run(&pom, &output, &log, wait)?;
        let said = fs::read(&log).with_context(|| format!("read {}", log.display()))?;
        let said = String::from_utf8_lossy(&said);
        if !ended {
            return Err(why(&said, artefacts));
        }
        let text = fs::read_to_string(&output).with_context(|| {
            format!(
                "read the class path that Maven writes to {}: {}",
                output.display(),
                told(&said)
            )
        })?;
        Ok(below(&text, &self.local())?)
    }

    /// Whether it ended well.
    fn run(&self, pom: &Path, output: &Path, log: &Path, wait: Wait<'_>) -> Result<bool> {
        let file = fs::File::create(log).with_context(|| format!("write {}", log.display()))?;
        let errors = file.try_clone().context("share the log of Maven")?;
        let mut command = Command::new(self.program);
        command
            // Wrong sums of what is fetched are errors, and there are no progress bars.
            .args([
                "--batch-mode",
                "--strict-checksums",
                "--no-transfer-progress",
                "--file",
            ])
            .arg(pom)
            .arg(format!("-Dmaven.repo.local={}", self.local().display()))
            .args([
                "-Daether.connector.connectTimeout=10000",
                "-Dmaven.wagon.http.connectionTimeout=10000",
            ])
            .args([
                "-DincludeScope=runtime",
                &format!("-Dmdep.pathSeparator={SEPARATOR}"),
            ])
            .arg(format!("-Dmdep.outputFile={}", output.display()))
            .arg("dependency:build-classpath")
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors);
        let mut maven = match Bound::spawn(&mut command) {
            Ok(maven) => maven,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
                "start Maven: there is no `{}` on the PATH; install it (Debian and Ubuntu: `apt-get install maven`), it is needed to add a version only",
                self.program
            ),
            Err(error) => return Err(error).with_context(|| format!("start `{}`", self.program)),
        };
        let begun = Instant::now();
        loop {
            if let Some(status) = maven.ended() {
                return Ok(status.success());
            }
            ensure!(
                !wait(POLL),
                "ask Maven for the jars: interrupted, nothing is kept"
            );
            ensure!(
                begun.elapsed() < DONE_WITHIN,
                "ask Maven for the jars: it was not done within {} s",
                DONE_WITHIN.as_secs()
            );
        }
    }
}

/// The project that needs these artefacts and nothing else.
fn pom_of(artefacts: &[Artefact], repository: &str) -> String {
    let dependencies: Vec<String> = artefacts.iter().map(|(group, name, version)| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>\n"
        )
    }).collect();
    let dependencies = dependencies.concat();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\n\
         <groupId>tribunal</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>\n\
         {}<dependencies>\n{dependencies}</dependencies></project>\n",
        repositories(repository)
    )
}

/// Takes the place of Maven Central where a mirror is named; what Maven's settings say comes before either.
fn repositories(repository: &str) -> String {
    if repository == MAVEN_CENTRAL {
        return String::new();
    }
    let url = repository
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let one = format!("<id>central</id><url>{url}</url>");
    format!(
        "<repositories><repository>{one}</repository></repositories>\n\
         <pluginRepositories><pluginRepository>{one}</pluginRepository></pluginRepositories>\n"
    )
}

/// The class path's jars by their paths below the root.
fn below(text: &str, root: &Path) -> Result<Vec<String>> {
    let jars: Vec<&str> = text
        .trim()
        .split(SEPARATOR)
        .filter(|path| !path.is_empty())
        .collect();
    ensure!(!jars.is_empty(), "read the class path of Maven: it is empty");
    let relative = jars.into_iter().map(|path| {
        let below = Path::new(path).strip_prefix(root).ok().and_then(Path::to_str);
        let below = below
            .with_context(|| format!("use the jar {path} of Maven: it is not below {}", root.display()))?;
        Ok(below.to_owned())
    });
    relative.collect()
}

fn why(said: &str, artefacts: &[Artefact]) -> Unresolved {
    let first = artefacts
        .first()
        .map(|(group, name, _)| format!("{group}:{name}:"));
    let missing = |line: &str| {
        let places = ["Could not find artifact ", "Failure to find "];
        places.iter().any(|words| {
            let (Some(at), Some(first)) = (line.find(words), first.as_deref()) else {
                return false;
            };
            line[at + words.len()..].starts_with(first)
        })
    };
    if said.lines().any(missing) {
        return Unresolved::NotThere;
    }
    let unreachable = said.contains("Could not transfer") || said.contains("transfer failed");
    let what = told(said);
    Unresolved::Failed(if unreachable {
        anyhow!(
            "reach the Maven repository: {what}; check the network, the mirror of {} and Maven's settings.xml",
            super::install::MIRROR_VARIABLE
        )
    } else {
        anyhow!("ask Maven for the jars: {what}")
    })
}

/// What Maven gives as its reason: its first line of an error.
fn told(said: &str) -> String {
    let errors = said.lines().filter_map(|line| line.strip_prefix("[ERROR] "));
    let line = errors.map(str::trim).find(|line| !line.is_empty());
    let last = || said.lines().map(str::trim).rfind(|line| !line.is_empty());
    let line = line.or_else(last).unwrap_or("it said nothing");
    let end = line.char_indices().nth(TOLD_MAX);
    end.map_or_else(|| line.to_owned(), |(end, _)| format!("{}…", &line[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka() -> Vec<Artefact> {
        vec![(
            "org.apache.kafka".to_owned(),
            "kafka_2.13".to_owned(),
            "4.4.9".to_owned(),
        )]
    }

    #[test]
    fn what_is_not_there_is_told_from_what_cannot_be_reached() {
        let not_there = "[ERROR] Failed to execute goal on project broker: Could not resolve dependencies: \
                         Could not find artifact org.apache.kafka:kafka_2.13:jar:4.4.9 in central";
        assert!(matches!(why(not_there, &kafka()), Unresolved::NotThere));
        let other = "[ERROR] Could not find artifact org.slf4j:slf4j-api:jar:1 in central";
        let Unresolved::Failed(error) = why(other, &kafka()) else {
            panic!("another artefact is missing");
        };
        assert!(error.to_string().contains("org.slf4j"), "{error}");
        let silent = "[INFO] Scanning\n[ERROR] Plugin x could not be resolved: Could not transfer artifact x: Unknown host y\n[ERROR] \n";
        let Unresolved::Failed(error) = why(silent, &kafka()) else {
            panic!("nobody knows what is there");
        };
        let text = error.to_string();
        assert!(
            text.starts_with("reach the Maven repository: Plugin x")
                && text.contains("TRIBUNAL_MAVEN_MIRROR"),
            "{text}"
        );
    }

    #[test]
    fn a_mirror_takes_the_place_of_central_and_only_then() {
        assert!(!pom_of(&kafka(), MAVEN_CENTRAL).contains("repositories"));
        let mirrored = pom_of(&kafka(), "https://mirror.example/a?b&c");
        assert!(
            mirrored.contains("<id>central</id><url>https://mirror.example/a?b&amp;c</url>"),
            "{mirrored}"
        );
    }

    #[test]
    fn jars_are_named_below_the_root() {
        let root = Path::new("/x/repository");
        let found =
            below("/x/repository/org/a.jar|/x/repository/org/b.jar\n", root).expect("they are below it");
        assert_eq!(found, ["org/a.jar", "org/b.jar"]);
        assert!(below("/y/a.jar", root).is_err());
        assert!(below("\n", root).is_err());
    }

    #[test]
    fn without_maven_it_says_what_to_install() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let maven = Maven {
            program: "tribunal-has-no-such-program",
            repository: MAVEN_CENTRAL,
            folder: folder.path(),
        };
        let Err(Unresolved::Failed(error)) = maven.resolve(&kafka(), &mut |_| false) else {
            panic!("there is no such program");
        };
        assert!(error.to_string().contains("apt-get install maven"), "{error}");
    }

    #[test]
    fn an_interrupted_maven_ends() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let program = folder.path().join("mvn");
        fs::write(&program, "#!/bin/sh\nexec sleep 60\n").expect("writable");
        let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        fs::set_permissions(&program, mode).expect("it is ours");
        let maven = Maven {
            program: program.to_str().expect("a path of letters"),
            repository: MAVEN_CENTRAL,
            folder: folder.path(),
        };
        let begun = Instant::now();
        let Err(Unresolved::Failed(error)) = maven.resolve(&kafka(), &mut |_| true) else {
            panic!("it was interrupted");
        };
        assert!(error.to_string().contains("interrupted"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
