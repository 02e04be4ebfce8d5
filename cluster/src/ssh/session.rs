//! Sessions of SSH: reached, known to be with whom they should be, and logged in to.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use ssh2::{CheckResult, HashType, KnownHostFileKind, MethodType, Session};

use super::inventory::Host;
use crate::kafka::base64;

/// A host answers within this time, in whatever is asked of it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The kinds of keys of hosts, each tried by itself: a server that has several shows the one that is known.
const KINDS: [&str; 3] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
    "rsa-sha2-512,rsa-sha2-256,ssh-rsa",
];
/// The keys that are tried where none is named and no agent has one.
const USUAL_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// The key that a host has shown in this run, and its kind: it has to show the same from then on.
#[derive(Default)]
pub(super) struct Pin(Mutex<Option<(&'static str, Vec<u8>)>>);

impl Pin {
    fn get(&self) -> Option<(&'static str, Vec<u8>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a command on a host printed, and how it ended.
pub(super) struct Done {
    pub(super) status: i32,
    pub(super) output: String,
    pub(super) complaint: String,
}

/// Opens a session with a host that is who it should be.
pub(super) fn open(host: &Host, pin: &Pin) -> Result<Session> {
    let session = known(host, pin).with_context(|| format!("reach {host}"))?;
    log_in(&session, host).with_context(|| format!("log in as {host}"))?;
    Ok(session)
}

/// Runs a command to its end with that input, in the plain shell.
pub(super) fn run(session: &Session, script: &str, input: &[u8]) -> Result<Done> {
    let mut channel = session.channel_session().context("open a channel")?;
    channel.exec(&format!("exec sh -c {}", quoted(script)))?;
    channel.write_all(input).context("give it its input")?;
    channel.send_eof()?;
    let (mut output, mut complaint) = (Vec::new(), Vec::new());
    channel.read_to_end(&mut output)?;
    channel.stderr().read_to_end(&mut complaint)?;
    channel.wait_close()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok(Done {
        status: channel.exit_status()?,
        output: text(output),
        complaint: text(complaint),
    })
}

/// The same, where it has to succeed.
pub(super) fn must(session: &Session, script: &str, input: &[u8]) -> Result<String> {
    let done = run(session, script, input)?;
    ensure!(
        done.status == 0,
        "{} (status {})",
        if done.complaint.is_empty() {
            "it says nothing"
        } else {
            &done.complaint
        },
        done.status
    );
    Ok(done.output)
}

/// As one word for a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn known(host: &Host, pin: &Pin) -> Result<Session> {
    if let Some((kind, key)) = pin.get() {
        let session = shake_hands(connect(host)?, host, kind)?;
        let shown = session.host_key().map(|(key, _)| key);
        ensure!(
            shown == Some(&key),
            "it shows another key than at the beginning of this run"
        );
        return Ok(session);
    }
    let (mut refused, mut changed) = (None, None);
    for kind in KINDS {
        let session = match shake_hands(connect(host)?, host, kind) {
            Ok(session) => session,
            // It has no key of that kind, or is no server of SSH.
            Err(error) => {
                refused.get_or_insert(error);
                continue;
            }
        };
        let key = session.host_key().context("it shows no key")?.0.to_vec();
        let is_trusted = match check(host, &session, &key)? {
            CheckResult::Match => true,
            CheckResult::NotFound if host.accept_new => true,
            CheckResult::NotFound => bail!(
                "its key is not known: {}. If it is right, log in once by `ssh -p {} {}@{}`, which asks about it and writes it \
                 down; or say `accept-new-host-keys = true` in the inventory",
                fingerprint(&session),
                host.port,
                host.user,
                host.name
            ),
            CheckResult::Mismatch => false,
            CheckResult::Failure => bail!("its key could not be compared with those of known hosts"),
        };
        if is_trusted {
            *pin.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((kind, key));
            return Ok(session);
        }
        changed.get_or_insert_with(|| fingerprint(&session));
    }
    match changed {
        Some(shown) => Err(anyhow!(
            "ITS KEY HAS CHANGED: it shows {shown}, and another one is known ({}). Somebody may be listening. If the host was made \
             anew, take the old key away by `ssh-keygen -R`",
            files(host)
        )),
        None => Err(refused.unwrap_or_else(|| anyhow!("it shows no key"))),
    }
}

fn files(host: &Host) -> String {
    let files: Vec<String> = host
        .known_hosts
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    files.join(", ")
}

fn connect(host: &Host) -> Result<TcpStream> {
    let mut stream = Err(anyhow!("its name stands for no address"));
    for address in host.server()? {
        stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)
            .with_context(|| format!("connect to {address}"));
        if stream.is_ok() {
            break;
        }
    }
    let stream = stream?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn shake_hands(stream: TcpStream, host: &Host, kind: &str) -> Result<Session> {
    let mut session = Session::new().context("begin a session")?;
    // A connection that is lost without a word has to be missed, and opened again, well within the lease.
    let within = (host.lease / 3).min(ANSWER_WITHIN);
    session.set_timeout(within.as_millis() as u32);
    session.method_pref(MethodType::HostKey, kind)?;
    session.set_tcp_stream(stream);
    session.handshake().context("agree with its SSH server")?;
    Ok(session)
}

/// What the files of known hosts say of a key.
fn check(host: &Host, session: &Session, key: &[u8]) -> Result<CheckResult> {
    let mut known = session.known_hosts()?;
    for file in &host.known_hosts {
        let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        for line in text.lines() {
            if line.starts_with("@revoked") && line.contains(&base64(key)) {
                bail!("its key was revoked in {}", file.display());
            }
            // What is not understood, keys of authorities say, makes no host known.
            let _ = known.read_str(line, KnownHostFileKind::OpenSSH);
        }
    }
    Ok(known.check_port(&host.name, host.port, key))
}

/// The host's key as `ssh` writes it.
fn fingerprint(session: &Session) -> String {
    let hash = session.host_key_hash(HashType::Sha256).unwrap_or_default();
    format!("SHA256:{}", base64(hash).trim_end_matches('='))
}

fn log_in(session: &Session, host: &Host) -> Result<()> {
    if let Some(key) = &host.key {
        ensure!(
            key.is_file(),
            "use the key {}: there is no such file",
            key.display()
        );
        return with_key(session, host, key);
    }
    if session.userauth_agent(&host.user).is_ok() {
        return Ok(());
    }
    let home = std::env::home_dir().unwrap_or_default().join(".ssh");
    for name in USUAL_KEYS {
        let key = home.join(name);
        if key.is_file() && with_key(session, host, &key).is_ok() {
            return Ok(());
        }
    }
    bail!(
        "no key fits: the inventory names none (`key`), and it takes neither one of an SSH agent's nor one in {}",
        home.display()
    )
}

fn with_key(session: &Session, host: &Host, key: &Path) -> Result<()> {
    let done = session.userauth_pubkey_file(&host.user, None, key, None);
    done.with_context(|| {
        format!(
            "use the key {} (is it the right one, and does the user exist there? A key with a passphrase has to be given by an SSH \
             agent: then name none)",
            key.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_it_for_one_word() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
