//! Fetches jars over HTTPS, several at a time, each checked before it gets its name.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use ureq::tls::{RootCerts, TlsConfig};

use super::cache;
use super::cache::hex;
use super::install::{MIRROR_VARIABLE, in_parallel};
use super::lock::LockedJar;
use super::progress::{Progress, Report};

/// How many jars are fetched at a time.
const AT_A_TIME: usize = 6;
/// How often a jar is asked for before the network is given up.
const ATTEMPTS: u32 = 4;
/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A connection is made within this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// An answer begins within this time, and each piece of it arrives within it.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A list of versions has at most so many bytes.
const LIST_MAX: u64 = 1 << 20;
/// One jar is here within this time (the largest has 11 MB).
const JAR_WITHIN: Duration = Duration::from_secs(600);

fn new_agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .tls_config(
            TlsConfig::builder()
                .root_certs(RootCerts::PlatformVerifier)
                .build(),
        )
        .timeout_connect(Some(CONNECT_WITHIN))
        .timeout_recv_response(Some(ANSWER_WITHIN))
        .timeout_per_read(Some(ANSWER_WITHIN))
        .timeout_per_call(Some(JAR_WITHIN))
        .user_agent(concat!("tribunal/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

/// The versions of Kafka that a repository lists for this artefact, asked once.
pub(super) fn listed_versions(repository: &str, artefact: &str) -> Result<Vec<String>> {
    let url = format!(
        "{}/org/apache/kafka/{artefact}/maven-metadata.xml",
        repository.trim_end_matches('/')
    );
    let mut response = new_agent()
        .get(&url)
        .call()
        .with_context(|| format!("fetch {url}"))?;
    let text = response
        .body_mut()
        .with_config()
        .limit(LIST_MAX)
        .read_to_string()
        .with_context(|| format!("fetch {url}"))?;
    let listed = text.split("<version>").skip(1);
    Ok(listed
        .filter_map(|rest| Some(rest.split_once("</version>")?.0.trim().to_owned()))
        .collect())
}

pub(super) struct Fetcher<'a> {
    agent: ureq::Agent,
    repository: &'a str,
    root: &'a Path,
    jars: &'a [&'a LockedJar],
    done: AtomicU64,
    total: u64,
    report: Report<'a>,
    first_pause: Duration,
}

/// Why one attempt failed, and whether another makes sense.
enum Failure {
    Retriable(anyhow::Error),
    Final(anyhow::Error),
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(
        repository: &'a str,
        root: &'a Path,
        jars: &'a [&'a LockedJar],
        report: Report<'a>,
    ) -> Self {
        Self {
            agent: new_agent(),
            repository: repository.trim_end_matches('/'),
            root,
            jars,
            done: AtomicU64::new(0),
            total: jars.iter().map(|jar| jar.bytes).sum(),
            report,
            first_pause: FIRST_PAUSE,
        }
    }

    /// Fetches all of them; the first that cannot be had ends it.
    pub(super) fn fetch_all(&self) -> Result<()> {
        in_parallel(self.jars, AT_A_TIME, |jar| self.fetch(jar))
    }

    fn fetch(&self, jar: &LockedJar) -> Result<()> {
        let url = format!("{}/{}", self.repository, jar.path);
        let path = self.root.join(&jar.path);
        let directory = path.parent().context("find the directory of a jar")?;
        fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
        cache::sweep(directory);
        let mut pause = self.first_pause;
        let mut attempt = 1;
        loop {
            let part = cache::part_of(&path);
            let failure = match self.attempt(&url, jar, &part) {
                Ok(()) => return cache::finish(&part, &path),
                Err(failure) => failure,
            };
            let _ = fs::remove_file(&part);
            match failure {
                Failure::Retriable(error) if attempt < ATTEMPTS => {
                    let error = format!("{error:#}");
                    (self.report)(Progress::Retrying {
                        jar: jar.file_name(),
                        error: &error,
                    });
                }
                Failure::Retriable(error) | Failure::Final(error) => {
                    return Err(error.context(format!("fetch {url}")));
                }
            }
            std::thread::sleep(pause);
            pause *= 2;
            attempt += 1;
        }
    }

    fn attempt(&self, url: &str, jar: &LockedJar, part: &Path) -> Result<(), Failure> {
        let mut response = self.agent.get(url).call().map_err(|error| failure_of(&error))?;
        let mut body = response.body_mut().with_config().limit(jar.bytes + 1).reader();
        let mut file = fs::File::create_new(part)
            .with_context(|| format!("write {}", part.display()))
            .map_err(Failure::Final)?;
        let mut counted = Counted {
            fetcher: self,
            bytes: 0,
        };
        let mut sum = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = body.read(&mut buffer).map_err(|error| retriable(&error))?;
            if read == 0 {
                break;
            }
            sum.update(&buffer[..read]);
            file.write_all(&buffer[..read])
                .with_context(|| format!("write {}", part.display()))
                .map_err(Failure::Final)?;
            counted.add(read as u64, jar);
            if counted.bytes > jar.bytes {
                break;
            }
        }
        check_fetched(jar, counted.bytes, &hex(&sum.finalize()))?;
        counted.keep();
        Ok(())
    }
}

/// Bytes of one attempt: taken back when it fails.
struct Counted<'a, 'b> {
    fetcher: &'a Fetcher<'b>,
    bytes: u64,
}

impl Counted<'_, '_> {
    fn add(&mut self, bytes: u64, jar: &LockedJar) {
        self.bytes += bytes;
        let done = self.fetcher.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let total = self.fetcher.total;
        (self.fetcher.report)(Progress::Fetching {
            done: done.min(total),
            total,
            jar: jar.file_name(),
        });
    }

    fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Counted<'_, '_> {
    fn drop(&mut self) {
        self.fetcher.done.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn retriable(error: &std::io::Error) -> Failure {
    Failure::Retriable(anyhow::anyhow!("{error}"))
}

fn failure_of(error: &ureq::Error) -> Failure {
    let text = anyhow::anyhow!("{error}");
    match error {
        ureq::Error::StatusCode(429 | 500..=599)
        | ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => Failure::Retriable(text),
        _ => Failure::Final(text),
    }
}

fn check_fetched(jar: &LockedJar, bytes: u64, sha256: &str) -> Result<(), Failure> {
    let check = || -> Result<()> {
        if bytes == jar.bytes && sha256 == jar.sha256 {
            return Ok(());
        }
        bail!(
            "accept {}: {bytes} bytes with the SHA-256 {sha256} instead of {} bytes with {}; \
             the repository, a proxy or the mirror of {MIRROR_VARIABLE} does not serve the pinned file",
            jar.file_name(),
            jar.bytes,
            jar.sha256
        );
    };
    // Too few bytes are what a broken connection leaves; anything else is another file.
    check().map_err(|error| {
        if bytes < jar.bytes {
            Failure::Retriable(error)
        } else {
            Failure::Final(error)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::path::PathBuf;
    use std::sync::Mutex;

    use super::*;

    /// A repository that gives these answers in turn, one a connection; then it refuses.
    fn repository(answers: Vec<Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().expect("a client");
                let reader = BufReader::new(stream.try_clone().expect("a second handle"));
                let request = reader
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty());
                assert!(request.count() > 0);
                let _ = stream.write_all(&answer);
            }
        });
        format!("http://{address}/")
    }

    fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        [head.as_bytes(), body].concat()
    }

    fn content(sent: &[u8]) -> Vec<u8> {
        answer("200 OK", sent.len(), sent)
    }

    struct Outcome {
        result: Result<()>,
        files: Vec<(PathBuf, Vec<u8>)>,
        retries: usize,
        last: Option<(u64, u64)>,
    }

    fn fetch(answers: Vec<Vec<u8>>) -> Outcome {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let jar = LockedJar {
            sha256: hex(&Sha256::digest(b"content")),
            bytes: 7,
            path: "org/a-1.jar".to_owned(),
        };
        let retries = Mutex::new(0);
        let last = Mutex::new(None);
        let report = |progress: Progress<'_>| match progress {
            Progress::Retrying { .. } => *retries.lock().expect("no panic") += 1,
            Progress::Fetching { done, total, .. } => *last.lock().expect("no panic") = Some((done, total)),
            _ => (),
        };
        let url = repository(answers);
        let jars = [&jar];
        let mut fetcher = Fetcher::new(&url, directory.path(), &jars, &report);
        fetcher.first_pause = Duration::from_millis(1);
        let result = fetcher.fetch_all();
        let files = fs::read_dir(directory.path().join("org"))
            .expect("the directory is made first")
            .map(|entry| entry.expect("readable").path())
            .map(|path| {
                (
                    PathBuf::from(path.file_name().expect("a name")),
                    fs::read(&path).expect("readable"),
                )
            })
            .collect();
        let (retries, last) = (
            *retries.lock().expect("no panic"),
            *last.lock().expect("no panic"),
        );
        Outcome {
            result,
            files,
            retries,
            last,
        }
    }

    #[test]
    fn a_jar_is_fetched_and_named() {
        let outcome = fetch(vec![content(b"content")]);
        outcome.result.expect("it is there");
        assert_eq!(outcome.files, [(PathBuf::from("a-1.jar"), b"content".to_vec())]);
        assert_eq!((outcome.retries, outcome.last), (0, Some((7, 7))));
    }

    #[test]
    fn a_broken_connection_and_a_busy_server_are_tried_again() {
        let torn = answer("200 OK", 7, b"cont");
        let busy = answer("503 Service Unavailable", 0, b"");
        let outcome = fetch(vec![torn, busy, content(b"cont"), content(b"content")]);
        outcome.result.expect("the fourth attempt succeeds");
        assert_eq!((outcome.retries, outcome.last), (3, Some((7, 7))));
        assert_eq!(outcome.files.len(), 1);
    }

    #[test]
    fn attempts_are_bounded() {
        let busy = answer("503 Service Unavailable", 0, b"");
        let outcome = fetch(vec![busy; 9]);
        let error = format!("{:#}", outcome.result.expect_err("it is always busy"));
        assert!(
            error.contains("503") && error.contains("fetch http://"),
            "{error}"
        );
        assert_eq!(outcome.retries, ATTEMPTS as usize - 1);
    }

    #[test]
    fn another_file_is_refused_by_name_and_not_kept() {
        for wrong in [b"CONTENT".as_slice(), b"content and more"] {
            let outcome = fetch(vec![content(wrong)]);
            let error = format!("{:#}", outcome.result.expect_err("it is another file"));
            assert!(
                error.contains("accept a-1.jar") && error.contains(MIRROR_VARIABLE),
                "{error}"
            );
            assert_eq!((outcome.files.len(), outcome.retries), (0, 0));
        }
    }

    #[test]
    fn what_is_not_there_is_not_tried_again() {
        let outcome = fetch(vec![answer("404 Not Found", 0, b"")]);
        let error = format!("{:#}", outcome.result.expect_err("it is not there"));
        assert!(error.contains("404") && error.contains("org/a-1.jar"), "{error}");
        assert_eq!(outcome.retries, 0);
    }
}
