//! A file of client properties, as Kafka's own tools take it with `--command-config`: how to speak to a cluster that asks for
//! TLS or for who one is.
//!
//! What is not known is refused by its line: a setting that is passed over in silence is a run that is not what it seems.
//! Names and meanings are those of Kafka's documentation ("Security", client configurations); of truststores and keystores PEM
//! alone is read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// What must never stand in a result: shown as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The thing itself, for whoever has to send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// How a client says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Name and password as they are (RFC 4616).
    Plain,
    /// A proof of the password (RFC 5802) with SHA-256.
    Scram256,
    /// The same with SHA-512.
    Scram512,
}

impl Mechanism {
    const ALL: [Self; 3] = [Self::Plain, Self::Scram256, Self::Scram512];

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram256 => "SCRAM-SHA-256",
            Self::Scram512 => "SCRAM-SHA-512",
        }
    }
}

/// Who the client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// By which mechanism it says so.
    pub mechanism: Mechanism,
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: Secret,
}

/// What TLS is spoken with. Certificates and keys are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Whom to trust; the system's own store where there is none.
    pub trusted: Option<String>,
    /// The client's own certificate with those above it, and its key.
    pub own: Option<(String, Secret)>,
    /// Whether a broker's certificate need not name its host.
    pub any_host: bool,
}

/// How to speak to a cluster. Without a file: in plain text, without a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientProperties {
    /// TLS, where it is spoken.
    pub tls: Option<Tls>,
    /// Who the client is, where it has to say so.
    pub login: Option<Login>,
}

impl ClientProperties {
    /// Reads a file.
    ///
    /// # Errors
    /// Names the file, and the line where there is one. Values are never repeated: they may be secrets.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("read the client properties {}", path.display()))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, directory)
            .with_context(|| format!("understand the client properties {}", path.display()))
    }

    /// Understands a file's text; paths in it are taken from that directory.
    fn parse(text: &str, directory: &Path) -> Result<Self> {
        let mut found = lines(text)?;
        let security = take(&mut found, "security.protocol").unwrap_or_else(|| "PLAINTEXT".to_owned());
        let (speaks_tls, logs_in) = match security.to_uppercase().as_str() {
            "PLAINTEXT" => (false, false),
            "SSL" => (true, false),
            "SASL_PLAINTEXT" => (false, true),
            "SASL_SSL" => (true, true),
            _ => bail!("security.protocol: give PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
        };
        let tls = speaks_tls.then(|| tls(&mut found, directory)).transpose()?;
        let login = logs_in.then(|| login(&mut found)).transpose()?;
        if let Some((name, (line, _))) = found.iter().next() {
            if name.starts_with("ssl.") || name.starts_with("sasl.") {
                bail!(
                    "line {line}: {name} is not understood here, or means nothing with security.protocol {security}"
                );
            }
            bail!("line {line}: {name} is not understood: only security.protocol, ssl.* and sasl.* are");
        }
        Ok(Self { tls, login })
    }

    /// The same in librdkafka's words.
    pub fn for_librdkafka(&self) -> Vec<(String, String)> {
        let protocol = match (&self.tls, &self.login) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        let mut settings = vec![
            ("security.protocol", protocol.to_owned()),
            ("broker.address.family", "any".to_owned()),
        ];
        if let Some(tls) = &self.tls {
            settings.extend(tls.trusted.iter().map(|pem| ("ssl.ca.pem", pem.clone())));
            if let Some((certificate, key)) = &tls.own {
                settings.push(("ssl.certificate.pem", certificate.clone()));
                settings.push(("ssl.key.pem", key.reveal().to_owned()));
            }
            let check = if tls.any_host { "none" } else { "https" };
            settings.push(("ssl.endpoint.identification.algorithm", check.to_owned()));
        }
        if let Some(login) = &self.login {
            settings.push(("sasl.mechanisms", login.mechanism.name().to_owned()));
            settings.push(("sasl.username", login.user.clone()));
            settings.push(("sasl.password", login.password.reveal().to_owned()));
        }
        let owned = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
        owned.collect()
    }

    /// What may stand in a result: which protocol and mechanism, and nothing of who or with what.
    pub fn shown(&self) -> String {
        let tls = if self.tls.is_some() { "TLS" } else { "plain text" };
        match &self.login {
            None => tls.to_owned(),
            Some(login) => format!("{tls}, SASL {}", login.mechanism.name()),
        }
    }
}

fn tls(found: &mut Properties, directory: &Path) -> Result<Tls> {
    for store in ["ssl.truststore.type", "ssl.keystore.type"] {
        let kind = take(found, store).unwrap_or_else(|| "PEM".to_owned());
        ensure!(
            kind.eq_ignore_ascii_case("PEM"),
            "{store}: only PEM is read; `keytool -exportcert -rfc` and `openssl pkcs12` write it"
        );
    }
    let read = |path: String| {
        let path = directory.join(PathBuf::from(path));
        let pem = fs::read_to_string(&path).with_context(|| format!("read {} as PEM", path.display()))?;
        ensure!(
            pem.contains("-----BEGIN "),
            "read {}: it is no PEM; `keytool -exportcert -rfc` and `openssl pkcs12` write it",
            path.display()
        );
        Ok(pem)
    };
    let mut pem = |texts: &[&str], places: &[&str]| -> Result<Option<String>> {
        if let Some(text) = texts.iter().find_map(|text| take(found, text)) {
            return Ok(Some(text));
        }
        let place = places.iter().find_map(|place| take(found, place));
        place.map(read).transpose()
    };
    let trusted = pem(
        &["ssl.truststore.certificates"],
        &["ssl.truststore.location", "ssl.ca.location"],
    )?;
    let both = pem(&[], &["ssl.keystore.location"])?;
    let certificate =
        pem(&["ssl.keystore.certificate.chain"], &["ssl.certificate.location"])?.or(both.clone());
    let key = pem(&["ssl.keystore.key"], &["ssl.key.location"])?.or(both);
    ensure!(
        take(found, "ssl.key.password").is_none(),
        "ssl.key.password: a key that is locked is not read; `openssl pkey` unlocks it"
    );
    let own = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, Secret(key))),
        (None, None) => None,
        _ => bail!("ssl.keystore.*: give both a certificate and its key, or neither"),
    };
    let host = take(found, "ssl.endpoint.identification.algorithm");
    let any_host = match host.as_deref().map(str::trim) {
        None | Some("https") => false,
        Some("" | "none") => true,
        Some(_) => bail!("ssl.endpoint.identification.algorithm: give https, or nothing"),
    };
    Ok(Tls {
        trusted,
        own,
        any_host,
    })
}

fn login(found: &mut Properties) -> Result<Login> {
    let name = take(found, "sasl.mechanism").or_else(|| take(found, "sasl.mechanisms"));
    let name = name.context("sasl.mechanism: give one: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")?;
    let mechanism = Mechanism::ALL
        .into_iter()
        .find(|known| known.name().eq_ignore_ascii_case(&name));
    let mechanism = mechanism.with_context(|| {
        format!("sasl.mechanism {name}: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are spoken")
    })?;
    let jaas = take(found, "sasl.jaas.config");
    let of = |option: &str| jaas.as_deref().and_then(|jaas| jaas_option(jaas, option));
    let user = take(found, "sasl.username").or_else(|| of("username"));
    let password = take(found, "sasl.password").or_else(|| of("password"));
    Ok(Login {
        mechanism,
        user: user.context("sasl.jaas.config: it names no username=\"…\"")?,
        password: Secret(password.context("sasl.jaas.config: it names no password=\"…\"")?),
    })
}

/// An option of a login module: `username="alice"`.
fn jaas_option(jaas: &str, option: &str) -> Option<String> {
    let begins = format!("{option}=\"");
    let at = jaas.match_indices(&begins).find(|(at, _)| {
        let before = jaas[..*at].chars().next_back();
        before.is_none_or(char::is_whitespace)
    })?;
    let mut value = String::new();
    let mut letters = jaas[at.0 + begins.len()..].chars();
    loop {
        match letters.next()? {
            '"' => return Some(value),
            '\\' => value.push(letters.next()?),
            letter => value.push(letter),
        }
    }
}

/// Each with the line that it stands in.
type Properties = BTreeMap<String, (usize, String)>;

fn take(found: &mut Properties, name: &str) -> Option<String> {
    found.remove(name).map(|(_, value)| value)
}

/// The properties of a file, by the rules of `java.util.Properties`.
fn lines(text: &str) -> Result<Properties> {
    let mut found = Properties::new();
    let mut numbered = (1..).zip(text.lines());
    while let Some((number, line)) = numbered.next() {
        let mut whole = line.trim_start().to_owned();
        if whole.is_empty() || whole.starts_with(['#', '!']) {
            continue;
        }
        while (whole.len() - whole.trim_end_matches('\\').len()) % 2 == 1 {
            whole.pop();
            let Some((_, next)) = numbered.next() else { break };
            whole.push_str(next.trim_start());
        }
        let (name, value) = parted(&whole).with_context(|| format!("line {number}: it ends in an escape"))?;
        ensure!(
            found.insert(name.clone(), (number, value)).is_none(),
            "line {number}: {name} is given twice"
        );
    }
    Ok(found)
}

/// A line's name and value. Nothing where an escape is cut off.
fn parted(line: &str) -> Option<(String, String)> {
    let (mut name, mut letters) = (String::new(), line.chars().peekable());
    while let Some(letter) = letters.next_if(|letter| !matches!(letter, '=' | ':') && !letter.is_whitespace())
    {
        name.push(if letter == '\\' {
            unescaped(&mut letters)?
        } else {
            letter
        });
    }
    while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
    if letters.next_if(|letter| matches!(letter, '=' | ':')).is_some() {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
    }
    let mut value = String::new();
    while let Some(letter) = letters.next() {
        value.push(if letter == '\\' {
            unescaped(&mut letters)?
        } else {
            letter
        });
    }
    Some((name, value))
}

fn unescaped(letters: &mut impl Iterator<Item = char>) -> Option<char> {
    Some(match letters.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let digits: String = letters.by_ref().take(4).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
        }
        letter => letter,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ClientProperties> {
        ClientProperties::parse(text, Path::new(""))
    }

    #[track_caller]
    fn refused(text: &str, why: &str) {
        let error = format!("{:#}", parse(text).expect_err("it is wrong"));
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn what_kafkas_own_tools_take() {
        let text = "# a comment\nsecurity.protocol=SASL_SSL\nsasl.mechanism = SCRAM-SHA-512\n\
            sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n    \
            username=\"ali ce\" password=\"s3\\\\\"cret\";\nssl.truststore.type=PEM\n\
            ssl.truststore.certificates=-----BEGIN CERTIFICATE-----\\nabc\\n-----END CERTIFICATE-----\n\
            ssl.endpoint.identification.algorithm=\n";
        let found = parse(text).expect("it is right");
        let login = found.login.clone().expect("there is one");
        assert_eq!(login.mechanism, Mechanism::Scram512);
        assert_eq!(
            (login.user.as_str(), login.password.reveal()),
            ("ali ce", "s3\"cret")
        );
        let tls = found.tls.clone().expect("there is one");
        assert!(tls.any_host);
        assert!(tls.trusted.expect("there is one").contains("-----\nabc\n-----"));
        assert_eq!(found.shown(), "TLS, SASL SCRAM-SHA-512");
        assert!(!format!("{found:?}").contains("cret"), "{found:?}");
        assert_eq!(parse("").expect("nothing is right"), ClientProperties::default());
    }

    #[test]
    fn what_is_not_understood_is_named_and_no_secret_is() {
        refused("security.protocol=TLS", "give PLAINTEXT, SSL");
        refused("\nclient.id=x", "line 2: client.id is not understood");
        refused(
            "sasl.password=s3cret",
            "means nothing with security.protocol PLAINTEXT",
        );
        let begun = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n";
        refused(begun, "names no username");
        refused(
            &format!("{begun}sasl.username=a\nsasl.username=b"),
            "line 4: sasl.username is given twice",
        );
        refused(&begun.replace("PLAIN\n", "GSSAPI\n"), "sasl.mechanism GSSAPI");
        refused("security.protocol=SSL\nssl.truststore.type=JKS", "only PEM");
        refused(
            "security.protocol=SSL\nssl.key.location=/no/such/s3",
            "read /no/such/s3",
        );
    }
}
