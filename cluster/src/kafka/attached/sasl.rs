//! Says to a broker who the client is: SASL over Kafka's own requests (KIP-43, KIP-152).

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use ring::{digest, hmac, pbkdf2};

use super::properties::{Login, Mechanism};
use crate::kafka::wire::{Connection, WireError};

/// As few rounds as RFC 7677 allows, and more than any broker asks for.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

/// Logs in.
///
/// # Errors
/// The broker does not take the mechanism, the user or the password, or proves not to know the password itself.
pub(super) async fn log_in(connection: &mut Connection, login: &Login, within: Duration) -> Result<()> {
    let name = login.mechanism.name();
    let hello = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(name));
    let answer = connection.call(&hello, within).await?;
    let known: Vec<_> = answer.mechanisms.iter().map(StrBytes::as_str).collect();
    WireError::check(answer.error_code, || {
        format!("the mechanism {name}: it takes {}", known.join(", "))
    })?;
    let who = || format!("log in by {name}");
    match login.mechanism {
        Mechanism::Plain => {
            let said = format!("\0{}\0{}", login.user, login.password.reveal());
            say(connection, said, within).await.map(drop).with_context(who)
        }
        Mechanism::Scram256 | Mechanism::Scram512 => {
            let nonce = uuid::Uuid::new_v4().simple().to_string();
            let scram = Scram::new(login, nonce);
            let first = say(connection, scram.first(), within).await.with_context(who)?;
            let (proof, signature) = scram.prove(&first).with_context(who)?;
            let last = say(connection, proof, within).await.with_context(who)?;
            ensure!(
                last.trim() == signature,
                "{}: the broker does not prove that it knows the password",
                who()
            );
            Ok(())
        }
    }
}

async fn say(connection: &mut Connection, said: String, within: Duration) -> Result<String> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(said.into_bytes().into());
    let answer = connection.call(&request, within).await?;
    WireError::check_told(answer.error_code, answer.error_message, || "the login".to_owned())?;
    String::from_utf8(answer.auth_bytes.to_vec()).context("understand the broker's answer: it is no text")
}

/// The client's side of RFC 5802, without channel binding, as Kafka speaks it.
struct Scram<'a> {
    login: &'a Login,
    nonce: String,
    bare: String,
}

/// Channel binding: none.
const HEADER: &str = "n,,";

impl<'a> Scram<'a> {
    fn new(login: &'a Login, nonce: String) -> Self {
        let user = login.user.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={user},r={nonce}");
        Self { login, nonce, bare }
    }

    fn first(&self) -> String {
        format!("{HEADER}{}", self.bare)
    }

    /// What answers the broker's first message, and what the broker has to say then.
    fn prove(&self, challenge: &str) -> Result<(String, String)> {
        let field = |name: &str| {
            let found = challenge.split(',').find_map(|field| field.strip_prefix(name));
            found.with_context(|| format!("understand the broker's challenge: it has no {name}"))
        };
        let (nonce, salt, rounds) = (field("r=")?, field("s=")?, field("i=")?);
        if !nonce.starts_with(&self.nonce) {
            bail!("understand the broker's challenge: it answers somebody else");
        }
        let salt = BASE64.decode(salt).context("understand the broker's salt")?;
        let rounds: u32 = rounds
            .parse()
            .context("understand the broker's count of rounds")?;
        ensure!(
            ROUNDS.contains(&rounds),
            "the broker asks for {rounds} rounds: 4096 to a million are sensible"
        );
        let salted = self.salted(&salt, rounds)?;
        let last = format!("c={},r={nonce}", BASE64.encode(HEADER));
        let signed = format!("{},{challenge},{last}", self.bare);
        let client = self.sign(&salted, b"Client Key");
        let stored = digest::digest(self.digest(), &client);
        let signature = self.sign(stored.as_ref(), signed.as_bytes());
        let proof: Vec<u8> = client
            .iter()
            .zip(&signature)
            .map(|(key, bit)| key ^ bit)
            .collect();
        let server = self.sign(&self.sign(&salted, b"Server Key"), signed.as_bytes());
        Ok((
            format!("{last},p={}", BASE64.encode(proof)),
            format!("v={}", BASE64.encode(server)),
        ))
    }

    fn salted(&self, salt: &[u8], rounds: u32) -> Result<Vec<u8>> {
        let (algorithm, length) = match self.login.mechanism {
            Mechanism::Scram512 => (pbkdf2::PBKDF2_HMAC_SHA512, digest::SHA512_OUTPUT_LEN),
            Mechanism::Scram256 | Mechanism::Plain => (pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN),
        };
        let rounds = rounds.try_into().context("count the rounds")?;
        let mut salted = vec![0; length];
        pbkdf2::derive(
            algorithm,
            rounds,
            salt,
            self.login.password.reveal().as_bytes(),
            &mut salted,
        );
        Ok(salted)
    }

    fn digest(&self) -> &'static digest::Algorithm {
        match self.login.mechanism {
            Mechanism::Scram512 => &digest::SHA512,
            Mechanism::Scram256 | Mechanism::Plain => &digest::SHA256,
        }
    }

    fn sign(&self, key: &[u8], what: &[u8]) -> Vec<u8> {
        let algorithm = match self.login.mechanism {
            Mechanism::Scram512 => hmac::HMAC_SHA512,
            Mechanism::Scram256 | Mechanism::Plain => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), what)
            .as_ref()
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::attached::ClientProperties;

    fn login(mechanism: &str) -> Login {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("client.properties");
        let text = format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mechanism}\nsasl.username=user\nsasl.password=pencil\n"
        );
        std::fs::write(&file, text).expect("writable");
        let read = ClientProperties::read(&file).expect("it is right");
        read.login.expect("there is one")
    }

    #[test]
    fn the_exchange_of_rfc_7677() {
        let login = login("SCRAM-SHA-256");
        let scram = Scram::new(&login, "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (proof, server) = scram.prove(challenge).expect("it can be answered");
        assert_eq!(
            proof,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(server, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_challenge_that_is_not_ours_is_refused() {
        let login = login("SCRAM-SHA-512");
        let scram = Scram::new(&login, "abc".to_owned());
        for wrong in [
            "r=abd,s=aa==,i=4096",
            "r=abcd,s=aa==,i=1",
            "r=abcd,i=4096",
            "r=abcd,s=?,i=4096",
        ] {
            assert!(scram.prove(wrong).is_err(), "{wrong}");
        }
    }
}
