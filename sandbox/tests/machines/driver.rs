//! Lists the tests, runs each as a process of its own with a limit, and sums up as the standard harness does.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use sandbox::{Capability, Cards};

use crate::user::User;
use crate::{life, refusals, scenarios};

/// How long one scenario may take; the slowest waits some seconds for silence.
const SCENARIO_LIMIT: Duration = Duration::from_secs(60);

/// A test's outcome, with its text where it failed or was skipped.
enum Outcome {
    Ok,
    Failed(String),
    Skipped(String),
}

/// What has come of the tests so far.
#[derive(Default)]
struct Sum {
    passed: usize,
    skipped: usize,
    failures: Vec<(String, String)>,
}

/// Runs the tests whose names hold any of the words, or all.
pub fn run(words: &[String]) -> ExitCode {
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(*filter));
    let mut sum = Sum::default();
    for user in User::all() {
        let lacking = lacking_power(user);
        for (name, test) in tests() {
            let name = format!("{}::{name}", user.name());
            if chosen(&name) {
                sum.take(name, lacking.as_deref(), || test(user));
            }
        }
    }
    let not_root = (!geteuid().is_root()).then_some("only root can prepare such a machine");
    let lacking = not_root
        .map(str::to_owned)
        .or_else(|| lacking_power(User::Ordinary));
    for refusal in refusals::ALL {
        let name = format!("refusals::{}", refusal.0);
        if chosen(&name) {
            sum.take(name, lacking.as_deref(), || refusals::check(refusal));
        }
    }
    sum.print()
}

impl Sum {
    /// Runs a test, or skips it for what it lacks, and prints its line.
    fn take(&mut self, name: String, lacking: Option<&str>, run: impl Fn() -> Result<(), String>) {
        match lacking.map_or_else(|| guarded(run), |reason| Outcome::Skipped(reason.to_owned())) {
            Outcome::Ok => {
                self.passed += 1;
                println!("test {name} ... ok");
            }
            Outcome::Skipped(reason) => {
                self.skipped += 1;
                println!("test {name} ... ignored, {reason}");
            }
            Outcome::Failed(text) => {
                println!("test {name} ... FAILED");
                self.failures.push((name, text));
            }
        }
        let _ = std::io::stdout().flush();
    }

    fn print(&self) -> ExitCode {
        for (name, text) in &self.failures {
            println!("\n---- {name} ----\n{text}");
        }
        let (verdict, status) = match self.failures.len() {
            0 => ("ok", ExitCode::SUCCESS),
            _ => ("FAILED", ExitCode::FAILURE),
        };
        let Self {
            passed,
            skipped,
            failures,
        } = self;
        let failed = failures.len();
        println!("\ntest result: {verdict}. {passed} passed; {failed} failed; {skipped} ignored\n");
        status
    }
}

type Test = Box<dyn Fn(User) -> Result<(), String>>;

fn tests() -> Vec<(String, Test)> {
    let inside = scenarios::all().filter(|(name, _)| !name.starts_with('_'));
    let inside = inside.map(|&(name, _)| {
        let test: Test = Box::new(move |user| scenario(user, name, ""));
        (name.to_owned(), test)
    });
    let pairs = scenarios::LINKS.iter().map(|&(name, _)| {
        let test: Test = Box::new(move |user| scenario(user, name, "veth"));
        (format!("veth::{name}"), test)
    });
    let life = life::ALL
        .iter()
        .map(|&(name, test)| (name.to_owned(), Box::new(test) as Test));
    inside.chain(pairs).chain(life).collect()
}

/// A panic is a failure with its message.
fn guarded(attempt: impl Fn() -> Result<(), String>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(attempt)) {
        Ok(Ok(())) => Outcome::Ok,
        Ok(Err(text)) => Outcome::Failed(text),
        Err(_) => Outcome::Failed("it panicked; its message is above".to_owned()),
    }
}

/// Runs a scenario inside of a sandbox, with network cards of that kind or of the one that it finds best.
fn scenario(user: User, name: &str, cards: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let log = directory.path().join("log");
    let mut program = user.program(directory.path());
    program.args(["inside", name]).stdin(Stdio::null());
    program.env(Cards::VARIABLE, cards);
    let ended = run_logged(&mut program, &log)?;
    match ended {
        Some(0) => Ok(()),
        ended => Err(format!(
            "status {ended:?}\n{}",
            std::fs::read_to_string(&log).unwrap_or_default()
        )),
    }
}

/// Runs a program to its end, its output in a file; its status, or nothing where it was killed at the limit.
fn run_logged(program: &mut Command, log: &Path) -> Result<Option<i32>, String> {
    let file = File::create(log).map_err(|error| error.to_string())?;
    let errors = file.try_clone().map_err(|error| error.to_string())?;
    let mut child = program
        .stdout(file)
        .stderr(errors)
        .spawn()
        .map_err(|error| error.to_string())?;
    let begun = Instant::now();
    while begun.elapsed() < SCENARIO_LIMIT {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status.code());
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    Ok(None)
}

/// The first power that this user lacks and a sandbox needs.
fn lacking_power(user: User) -> Option<String> {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let output = user
        .program(directory.path())
        .arg("powers")
        .output()
        .expect("this program can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: Vec<Capability> = match serde_json::from_str(&text) {
        Ok(found) => found,
        Err(_) => {
            return Some(format!(
                "the powers are unknown: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    };
    let lacking = found.into_iter().find(|power| power.needed && !power.ok)?;
    Some(format!(
        "no {}: {}",
        lacking.name,
        lacking.detail.replace('\n', " ")
    ))
}

/// Prints what the probe finds.
pub fn print_powers() -> ExitCode {
    match sandbox::probe() {
        Ok(powers) => {
            println!("{}", serde_json::to_string(&powers).expect("it is plain data"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::FAILURE
        }
    }
}
