//! A cluster that somebody else runs: here the test does, with one broker that speaks TLS and asks who one is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cluster::Attachment;
use cluster::kafka::attached::ClientProperties;
use cluster::kafka::{DEFAULT_VERSION, InstallOptions, Java, install};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Bench, Ran};
use crate::trial::{Trial, every_fault_bit};

/// The broker's number: none that Tribunal would give.
const NODE: u32 = 7;
const SECRET: &str = "Gehe1m-und-\\\"lang";
/// A broker is up within this time, on a machine that is short of it too.
const UP_WITHIN: Duration = Duration::from_secs(60);

const PLAN: &str = r#"
name = "theirs"
limits = { steady = "2s", minimum-acknowledged = 10 }
nemesis = "none"
[[topics]]
name = "log"
partitions = 2
replication-factor = 1
min-insync-replicas = 1
[workload.log]
producers = 2
consumers = 1
rate = 100
"#;

/// A broker of nobody's, in a directory of its own. Ends with this.
struct Theirs {
    broker: Child,
    address: String,
    directory: PathBuf,
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

impl Theirs {
    fn start(directory: &Path) -> Self {
        let id = std::process::id();
        let address = format!("127.{}.{}.{NODE}", 128 + id % 100, id / 100 % 256);
        let java = Java::find().expect("Java is installed").program;
        let options = InstallOptions::from_environment(false).expect("a cache");
        let jars = install(DEFAULT_VERSION, &options, &|_| {}).expect("the jars can be had");
        make_key(&java, directory, &address);
        let config = directory.join("server.properties");
        fs::write(&config, properties(directory, &address)).expect("writable");
        let run = |class: &str, more: &[&str]| {
            let mut command = Command::new(&java);
            command
                .args(["-Xmx256m", "-cp", &jars.class_path(), class])
                .args(more);
            let log = File::options()
                .create(true)
                .append(true)
                .open(directory.join("broker.log"));
            let log = log.expect("writable");
            command
                .current_dir(directory)
                .stdout(log.try_clone().expect("a file"))
                .stderr(log);
            command
        };
        let config = config.to_str().expect("it is text");
        let user = format!("SCRAM-SHA-512=[name=alice,password={}]", SECRET.replace('\\', ""));
        let format = [
            "format",
            "-t",
            "Zk9aQ0pTRmWbq3vYc1uXeA",
            "-c",
            config,
            "--add-scram",
            &user,
        ];
        let formatted = run("kafka.tools.StorageTool", &format)
            .status()
            .expect("Java runs");
        assert!(formatted.success(), "{}", log(directory));
        let broker = run("kafka.Kafka", &[config]).spawn().expect("Java runs");
        let theirs = Self {
            broker,
            address,
            directory: directory.to_owned(),
        };
        let begun = Instant::now();
        while theirs.topics().is_err() {
            assert!(
                begun.elapsed() < UP_WITHIN,
                "it does not come up:\n{}",
                log(directory)
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        theirs
    }

    /// A file of client properties.
    fn client(&self, name: &str, mechanism: &str, password: &str) -> String {
        let file = self.directory.join(name);
        let module = match mechanism {
            "PLAIN" => "plain.PlainLoginModule",
            _ => "scram.ScramLoginModule",
        };
        let text = format!(
            "security.protocol=SASL_SSL\nsasl.mechanism={mechanism}\nssl.truststore.type=PEM\n\
             ssl.truststore.location=broker.pem\nsasl.jaas.config=org.apache.kafka.common.security.{module} required \\\n  \
             username=\"alice\" password=\"{}\";\n",
            password.replace('\\', "\\\\")
        );
        fs::write(&file, text).expect("writable");
        file.to_str().expect("it is text").to_owned()
    }

    /// The topics that are there.
    fn topics(&self) -> anyhow::Result<Vec<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let found =
                Attachment::find(&format!("{}:9092", self.address), ClientProperties::default()).await?;
            found.topics().await
        })
    }
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("broker.log")).unwrap_or_default()
}

/// A key of the broker's own, and its certificate for whoever is to trust it.
fn make_key(java: &Path, directory: &Path, address: &str) {
    let keytool = java.with_file_name("keytool");
    let real = fs::canonicalize(java)
        .expect("it is there")
        .with_file_name("keytool");
    let keytool = if keytool.is_file() { keytool } else { real };
    let name = format!("SAN=ip:{address}");
    let store = [
        "-keystore",
        "broker.p12",
        "-storetype",
        "PKCS12",
        "-storepass",
        "changeit",
        "-alias",
        "broker",
    ];
    let run = |arguments: &[&str]| {
        let done = Command::new(&keytool)
            .args(arguments)
            .args(store)
            .current_dir(directory)
            .output();
        let done = done.expect("keytool comes with Java");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    };
    run(&[
        "-genkeypair",
        "-keyalg",
        "EC",
        "-groupname",
        "secp256r1",
        "-dname",
        "CN=broker",
        "-ext",
        &name,
        "-validity",
        "2",
    ]);
    run(&["-exportcert", "-rfc", "-file", "broker.pem"]);
}

fn properties(directory: &Path, address: &str) -> String {
    let user = format!("user_alice=\"{SECRET}\"").replace('\\', "\\\\");
    let all = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", NODE.to_string()),
        ("controller.quorum.voters", format!("{NODE}@{address}:9093")),
        (
            "listeners",
            format!("PLAINTEXT://{address}:9092,SECURE://{address}:9094,CONTROLLER://{address}:9093"),
        ),
        (
            "advertised.listeners",
            format!("PLAINTEXT://{address}:9092,SECURE://{address}:9094"),
        ),
        (
            "listener.security.protocol.map",
            "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT".to_owned(),
        ),
        ("inter.broker.listener.name", "PLAINTEXT".to_owned()),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("log.dirs", directory.join("data").display().to_string()),
        ("offsets.topic.replication.factor", "1".to_owned()),
        ("transaction.state.log.replication.factor", "1".to_owned()),
        ("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-512".to_owned()),
        (
            "ssl.keystore.location",
            directory.join("broker.p12").display().to_string(),
        ),
        ("ssl.keystore.password", "changeit".to_owned()),
        ("ssl.keystore.type", "PKCS12".to_owned()),
        (
            "listener.name.secure.plain.sasl.jaas.config",
            format!("org.apache.kafka.common.security.plain.PlainLoginModule required {user};"),
        ),
        (
            "listener.name.secure.scram-sha-512.sasl.jaas.config",
            "org.apache.kafka.common.security.scram.ScramLoginModule required;".to_owned(),
        ),
    ];
    let lines = all.iter().map(|(name, value)| format!("{name}={value}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn run(theirs: &Theirs, plan: &str, port: u16, more: &[&str]) -> Trial {
    let bench = Bench::new();
    bench.file("plan.toml", plan);
    let bootstrap = format!("{}:{port}", theirs.address);
    let given = ["--seed", "5", "--env", "attached", "--bootstrap", &bootstrap];
    Trial::in_bench(bench, "plan.toml", &[&given, more].concat())
}

/// No file below a directory holds the secret.
#[track_caller]
fn keeps_the_secret(directory: &Path) {
    for entry in fs::read_dir(directory).expect("it is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            keeps_the_secret(&path);
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("Gehe1m"), "{} holds the password", path.display());
        }
    }
}

#[test]
#[ignore = "brings up a real cluster"]
fn a_cluster_of_somebody_elses_is_judged_and_left_as_it_was() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let theirs = Theirs::start(directory.path());
    let password = SECRET.replace('\\', "");
    let plain = theirs.client("plain.properties", "PLAIN", SECRET);
    let scram = theirs.client("scram.properties", "SCRAM-SHA-512", SECRET);
    for file in [&plain, &scram] {
        let trial = run(&theirs, PLAN, 9094, &["--client-properties", file]);
        let verdict = trial.verdict(0);
        assert!(!verdict.to_string().contains(&password));
        keeps_the_secret(trial.bench.path());
        let made_of = trial.file("made-of.json");
        assert!(
            made_of.contains("\"broker 7\"") && made_of.contains("TLS, SASL"),
            "{made_of}"
        );
        assert!(trial.file("history.jsonl").contains("\"nodes\":[7]"));
        assert_eq!(theirs.topics().expect("it is up"), Vec::<String>::new());
    }
    is_refused(&theirs, &scram);
    is_left_after_an_interrupt(&theirs, &scram);
    only_what_is_allowed(&theirs);
}

/// Wrong passwords, authorities and ports are told before anything starts.
fn is_refused(theirs: &Theirs, right: &str) {
    let wrong = theirs.client("wrong.properties", "SCRAM-SHA-512", "Gehe1m-falsch");
    let others = theirs.directory.join("others.properties");
    fs::write(&others, "security.protocol=SSL\n").expect("writable");
    let others = others.to_str().expect("it is text").to_owned();
    for (port, file, why) in [
        (9094, wrong.as_str(), "invalid credentials"),
        (9094, others.as_str(), "certificate"),
        (9092, right, "speak TLS: does it?"),
        (1, right, "refused"),
    ] {
        let trial = run(theirs, PLAN, port, &["--client-properties", file]);
        assert_eq!(trial.ran.code, Some(4), "{}", trial.ran.err);
        assert!(trial.ran.err.contains(why), "{why}: {}", trial.ran.err);
        assert!(!trial.ran.err.contains("Gehe1m"), "{}", trial.ran.err);
        assert!(!trial.bench.path().join("run").exists(), "nothing was begun");
    }
}

fn is_left_after_an_interrupt(theirs: &Theirs, client: &str) {
    let bench = Bench::new();
    bench.file("plan.toml", PLAN.replace("\"2s\"", "\"60s\""));
    let bootstrap = format!("{}:9094", theirs.address);
    let arguments = [
        "run",
        "plan.toml",
        "--plain",
        "--out",
        "run",
        "--env",
        "attached",
        "--bootstrap",
        &bootstrap,
    ];
    let mut command = bench.command(&arguments);
    command
        .args(["--client-properties", client])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("the command runs");
    let begun = Instant::now();
    while theirs.topics().expect("it is up").is_empty() {
        assert!(begun.elapsed() < UP_WITHIN, "no topic was made");
        std::thread::sleep(Duration::from_millis(100));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    let ran = Ran::from(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert_eq!(theirs.topics().expect("it is up"), Vec::<String>::new());
}

fn only_what_is_allowed(theirs: &Theirs) {
    let step = |fault: &str| format!("[[nemesis.steps]]\nat = \"0s\"\nlasts = \"1s\"\nfault = {fault}\n");
    let plan = PLAN.replace("nemesis = \"none\"\n", "");
    let makes = format!("{plan}{}", step("\"create-topics\""));
    let trial = run(theirs, &makes, 9092, &[]);
    assert_eq!(trial.ran.code, Some(2), "{}", trial.ran.err);
    assert!(
        trial.ran.err.contains("--allow create-topics"),
        "{}",
        trial.ran.err
    );
    let trial = run(theirs, &makes, 9092, &["--allow", "create-topics"]);
    trial.verdict(0);
    every_fault_bit(&trial, &["create-topics"]);
    let deletes = format!("{plan}{}", step("\"delete-records\""));
    let trial = run(theirs, &deletes, 9092, &["--allow", "delete-records"]);
    assert_eq!(trial.ran.code, Some(2), "{}", trial.ran.err);
    assert!(
        trial.ran.err.contains("destructive = [\"delete-records\"]"),
        "{}",
        trial.ran.err
    );
    let leave = |id: &str| {
        format!("{deletes}[attached]\ncluster-id = \"{id}\"\ndestructive = [\"delete-records\"]\n")
    };
    let trial = run(theirs, &leave("another"), 9092, &[]);
    assert_eq!(trial.ran.code, Some(2), "{}", trial.ran.err);
    assert!(trial.ran.err.contains("nothing was done"), "{}", trial.ran.err);
    let trial = run(theirs, &leave("Zk9aQ0pTRmWbq3vYc1uXeA"), 9092, &[]);
    trial.verdict(0);
    every_fault_bit(&trial, &["delete-records"]);
    assert_eq!(theirs.topics().expect("it is up"), Vec::<String>::new());
}
