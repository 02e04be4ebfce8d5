//! Finds the Java that brokers run on, and refuses one that they cannot run on.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// The oldest Java that every version of Kafka that Tribunal runs accepts.
pub const OLDEST_JAVA: u32 = 17;
/// Java says its version within this time, or it is no use.
const VERSION_WITHIN: Duration = Duration::from_secs(20);
/// What to do about it.
const HINT: &str =
    "install one (Debian, Ubuntu: `apt-get install openjdk-17-jre-headless`) or set JAVA_HOME to one";

/// A Java runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Java {
    /// The program.
    pub program: PathBuf,
    /// The feature release: 17, 21, …
    pub feature: u32,
    /// The exact build, such as `17.0.15+6-Debian-1deb12u1`: archives belong to one build.
    pub build: String,
}

impl Java {
    /// Finds `$JAVA_HOME/bin/java`, else `java` on the `PATH`, and asks it for its version.
    ///
    /// # Errors
    /// There is none, it does not run, or it is older than [`OLDEST_JAVA`].
    pub fn find() -> Result<Self> {
        let program = locate(std::env::var_os("JAVA_HOME"), std::env::var_os("PATH"))?;
        let text =
            ask(&program).with_context(|| format!("run {} (found as the Java to use)", program.display()))?;
        Self::judge(program, &text)
    }

    /// The Java that says this of itself, unless it is too old.
    pub(crate) fn judge(program: PathBuf, text: &str) -> Result<Self> {
        let (feature, build) = parse_version(text)
            .with_context(|| format!("understand the version of {}; {HINT}", program.display()))?;
        ensure!(
            feature >= OLDEST_JAVA,
            "use Java {build} at {}: Kafka needs Java {OLDEST_JAVA} or newer; {HINT}",
            program.display()
        );
        Ok(Self {
            program,
            feature,
            build,
        })
    }
}

fn locate(java_home: Option<OsString>, path: Option<OsString>) -> Result<PathBuf> {
    if let Some(home) = java_home.filter(|home| !home.is_empty()) {
        let program = Path::new(&home).join("bin").join("java");
        ensure!(
            is_executable(&program),
            "find Java: JAVA_HOME is {} but it holds no program bin/java; {HINT}",
            Path::new(&home).display()
        );
        return Ok(program);
    }
    let directories = path.unwrap_or_default();
    std::env::split_paths(&directories)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join("java"))
        .find(|program| is_executable(program))
        .with_context(|| format!("find Java: JAVA_HOME is not set and no `java` is on the PATH; {HINT}"))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// What `java` prints of its properties, all on its standard error.
fn ask(program: &Path) -> Result<String> {
    let mut child = Command::new(program)
        .args([
            "-XX:-UsePerfData",
            "-XX:TieredStopAtLevel=1",
            "-XshowSettings:properties",
            "-version",
        ])
        .env_remove("JAVA_TOOL_OPTIONS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut pipe = child.stderr.take().context("read its standard error")?;
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text)
            .map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    let deadline = Instant::now() + VERSION_WITHIN;
    while !reader.is_finished() {
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            bail!(
                "it did not say its version within {} s; {HINT}",
                VERSION_WITHIN.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait()?;
    let text = reader
        .join()
        .map_err(|_| anyhow::anyhow!("the reader of its output panicked"))??;
    let last = text
        .lines()
        .last()
        .unwrap_or("it printed nothing")
        .trim()
        .to_owned();
    ensure!(status.success(), "it ended with {status}: {last}; {HINT}");
    Ok(text)
}

/// The feature release and the build, from the properties that Java prints.
fn parse_version(text: &str) -> Result<(u32, String)> {
    let property = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    let specification = property("java.specification.version").context("it does not print its version")?;
    // Up to Java 8 the feature release is the second number: 1.8.
    let feature = specification
        .strip_prefix("1.")
        .unwrap_or(&specification)
        .parse()?;
    let build = property("java.vm.version")
        .or_else(|| property("java.version"))
        .unwrap_or_else(|| specification.clone());
    Ok((feature, build))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn program(directory: &Path, text: &str) -> PathBuf {
        let path = directory.join("java");
        fs::write(&path, text).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
        path
    }

    #[test]
    fn versions_new_and_old() {
        let new = "Property settings:\n    java.specification.version = 17\n    java.vm.version = 17.0.15+6-Debian\n";
        assert_eq!(
            parse_version(new).expect("a version"),
            (17, "17.0.15+6-Debian".to_owned())
        );
        let old = "    java.specification.version = 1.8\n    java.vm.version = 25.442-b06\n";
        assert_eq!(
            parse_version(old).expect("a version"),
            (8, "25.442-b06".to_owned())
        );
        assert!(parse_version("not java").is_err());
    }

    #[test]
    fn one_that_is_too_old_says_what_to_install() {
        let text = |feature: u32| {
            format!("    java.specification.version = {feature}\n    java.vm.version = {feature}.0.2+9\n")
        };
        let error = Java::judge("/old/java".into(), &text(11))
            .expect_err("it is too old")
            .to_string();
        let expected = "use Java 11.0.2+9 at /old/java: Kafka needs Java 17 or newer; install one (Debian";
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(
            Java::judge("/java".into(), &text(21)).expect("it is new").feature,
            21
        );
    }

    #[test]
    fn java_home_comes_before_the_path() {
        let [home, path] = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
        fs::create_dir(home.path().join("bin")).expect("writable");
        let at_home = program(&home.path().join("bin"), "");
        let on_path = program(path.path(), "");
        let [home, path] = [&home, &path].map(|directory| Some(directory.path().as_os_str().to_owned()));
        assert_eq!(locate(home, path.clone()).expect("found"), at_home);
        assert_eq!(locate(Some(OsString::new()), path).expect("found"), on_path);
    }

    #[test]
    fn none_says_what_to_install() {
        let error = locate(None, Some(OsString::from("/nowhere")))
            .expect_err("there is none")
            .to_string();
        assert!(error.contains("openjdk-17-jre-headless"), "{error}");
        let error = locate(Some(OsString::from("/nowhere")), None)
            .expect_err("there is none")
            .to_string();
        assert!(error.contains("JAVA_HOME is /nowhere"), "{error}");
    }

    #[test]
    fn a_program_that_is_no_java_is_refused_with_its_last_line() {
        let error = ask(Path::new("/bin/cat"))
            .expect_err("it knows no such option")
            .to_string();
        assert!(
            error.contains("exit status: 1") && error.contains("cat"),
            "{error}"
        );
    }
}
