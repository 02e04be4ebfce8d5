//! The command line of a broker's JVM.

use std::net::Ipv4Addr;
use std::path::Path;

use super::formatting::Formatting;
use super::install::Install;
use super::java::Java;
use super::metrics;
use super::node_files::NodeFiles;
use super::release::{Logging, Release, release};

/// The main class of a broker.
const BROKER: &str = "kafka.Kafka";
/// The main class of a node of `ZooKeeper`.
const ZOOKEEPER: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
/// The main class of the tool that formats.
const STORAGE_TOOL: &str = "kafka.tools.StorageTool";

/// What every JVM gets. A small heap and the quick compiler alone: three brokers share a machine, and a run is
/// over before the optimising compiler would pay. No file outside the node's directory is touched.
fn common(java: &Java, install: &Install, files: &NodeFiles, extra: &[String]) -> Vec<String> {
    let mut command = vec![java.program.display().to_string()];
    command.extend(
        [
            "-Xmx256m",
            "-Xms64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
        ]
        .map(str::to_owned),
    );
    command.extend([
        format!("-XX:ErrorFile={}/jvm-%p.log", files.logs().display()),
        format!("-Djava.io.tmpdir={}", files.temporary().display()),
        format!("-Dkafka.logs.dir={}", files.logs().display()),
        logging(install, files),
    ]);
    let opens = release(&install.version).map_or(&[][..], Release::opens);
    command.extend(
        opens
            .iter()
            .map(|package| format!("--add-opens={package}=ALL-UNNAMED")),
    );
    command.extend_from_slice(extra);
    command.extend(["-cp".to_owned(), install.class_path()]);
    command
}

/// How the library that logs finds its configuration.
fn logging(install: &Install, files: &NodeFiles) -> String {
    let file = files.log4j();
    let file = file.display();
    match release(&install.version).map(|release| release.logging) {
        Some(Logging::Reload4j) => format!("-Dlog4j.configuration=file:{file}"),
        Some(Logging::Log4j2) | None => format!("-Dlog4j2.configurationFile={file}"),
    }
}

/// Runs a broker, with the archive of its classes where there is one, and with the agent that tells its metrics at an address
/// where that is wanted, and with these options over ours. The agent's own classes are not in the archive: loading them costs less than what an archive made
/// with an agent costs.
pub fn broker(
    java: &Java,
    install: &Install,
    files: &NodeFiles,
    archive: Option<&Path>,
    agent: Option<(&Path, Ipv4Addr)>,
    options: Vec<String>,
) -> Vec<String> {
    let archive = archive.map(|path| format!("-XX:SharedArchiveFile={}", path.display()));
    let agent = agent.map(|(jar, address)| metrics::argument(jar, address, &files.metrics_rules()));
    let extra: Vec<String> = archive.into_iter().chain(agent).chain(options).collect();
    broker_with(java, install, files, &extra)
}

/// Runs a node of `ZooKeeper` from the same jars. What of it is in the archive of a broker's classes starts faster.
pub(super) fn zookeeper(
    java: &Java,
    install: &Install,
    files: &NodeFiles,
    archive: Option<&Path>,
    options: Vec<String>,
) -> Vec<String> {
    let archive = archive.map(|path| format!("-XX:SharedArchiveFile={}", path.display()));
    // Its beans for a logging library that may not be there.
    let quiet = "-Dzookeeper.jmx.log4j.disable=true".to_owned();
    let extra: Vec<String> = archive.into_iter().chain([quiet]).chain(options).collect();
    let mut command = common(java, install, files, &extra);
    command.extend([ZOOKEEPER.to_owned(), files.zoo_cfg().display().to_string()]);
    command
}

/// Runs a broker that writes an archive of the classes it loaded when it ends.
pub(super) fn training_broker(
    java: &Java,
    install: &Install,
    files: &NodeFiles,
    archive: &Path,
) -> Vec<String> {
    broker_with(
        java,
        install,
        files,
        &[format!("-XX:ArchiveClassesAtExit={}", archive.display())],
    )
}

fn broker_with(java: &Java, install: &Install, files: &NodeFiles, extra: &[String]) -> Vec<String> {
    let mut command = common(java, install, files, extra);
    command.extend([BROKER.to_owned(), files.server_properties().display().to_string()]);
    command
}

/// Formats a node's data directory.
pub(super) fn format(
    java: &Java,
    install: &Install,
    files: &NodeFiles,
    cluster_id: &str,
    formatting: &Formatting,
) -> Vec<String> {
    let mut command = common(java, install, files, &[]);
    let arguments = [STORAGE_TOOL, "format", "--cluster-id", cluster_id, "--config"];
    command.extend(arguments.map(str::to_owned));
    command.push(files.server_properties().display().to_string());
    command.extend(formatting.arguments());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(version: &str) -> Vec<String> {
        let java = Java {
            program: "/java".into(),
            feature: 17,
            build: "17.0.1+1".to_owned(),
        };
        let install = Install {
            version: version.to_owned(),
            jars: vec!["/cache/a.jar".into(), "/cache/b.jar".into()],
        };
        let files = NodeFiles::new("/node");
        let agent = (Path::new("/cache/agent.jar"), Ipv4Addr::new(10, 1, 0, 1));
        broker(
            &java,
            &install,
            &files,
            Some(Path::new("/cache/x.jsa")),
            Some(agent),
            vec!["-Xmx512m".to_owned()],
        )
    }

    #[test]
    fn a_version_with_log4j_1_is_told_so() {
        let old = command("3.9.2");
        assert!(old.contains(&"-Dlog4j.configuration=file:/node/config/log4j.properties".to_owned()));
        assert!(!old.iter().any(|word| word.contains("log4j2")));
    }

    #[test]
    fn an_old_version_is_let_into_java() {
        let opened = "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED".to_owned();
        assert!(command("1.1.0").contains(&opened) && !command("2.8.2").contains(&opened));
    }

    #[test]
    fn the_command_of_a_broker() {
        let command = command("4.4.0");
        insta::assert_snapshot!(command.join("\n"), @r"
        /java
        -Xmx256m
        -Xms64m
        -XX:+UseSerialGC
        -XX:TieredStopAtLevel=1
        -XX:-UsePerfData
        -XX:+ExitOnOutOfMemoryError
        -Djava.awt.headless=true
        -XX:ErrorFile=/node/logs/jvm-%p.log
        -Djava.io.tmpdir=/node/tmp
        -Dkafka.logs.dir=/node/logs
        -Dlog4j2.configurationFile=/node/config/log4j.properties
        -XX:SharedArchiveFile=/cache/x.jsa
        -javaagent:/cache/agent.jar=10.1.0.1:9404:/node/config/metrics.yaml
        -Xmx512m
        -cp
        /cache/a.jar:/cache/b.jar
        kafka.Kafka
        /node/config/server.properties
        ");
    }
}
