//! Connections to a cluster that somebody else runs: by name and port, in plain text or TLS, logged in where that is asked for.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::properties::{ClientProperties, Login, Tls};
use super::sasl;
use crate::kafka::wire::{Connection, Stream};

/// How connections are made.
#[derive(Clone)]
pub(super) struct Security {
    tls: Option<TlsConnector>,
    login: Option<Login>,
}

impl Security {
    /// Understands certificates and keys.
    pub(super) fn new(properties: &ClientProperties) -> Result<Self> {
        let tls = properties.tls.as_ref().map(connector).transpose()?;
        Ok(Self {
            tls,
            login: properties.login.clone(),
        })
    }

    /// Makes a connection over which Kafka's requests can be sent, all of it in that time.
    pub(super) async fn connect(&self, host: &str, port: u16, within: Duration) -> Result<Box<dyn Stream>> {
        let connected = timeout(within, self.try_connect(host, port, within)).await;
        connected
            .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer in {} s", within.as_secs())))
            .with_context(|| format!("connect to {host}:{port}"))
    }

    async fn try_connect(&self, host: &str, port: u16, within: Duration) -> Result<Box<dyn Stream>> {
        let plain = TcpStream::connect((host, port)).await?;
        plain.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(plain),
            Some(tls) => {
                let name =
                    ServerName::try_from(host.to_owned()).context("speak TLS: it is no host's name")?;
                let secured = tls.connect(name, plain).await;
                Box::new(secured.map_err(|error| handshake(&error))?)
            }
        };
        let Some(login) = &self.login else {
            return Ok(stream);
        };
        let opened = Connection::over(stream).await;
        let mut connection = opened.context("ask for its versions: does it speak TLS?")?;
        sasl::log_in(&mut connection, login, within).await?;
        Ok(connection.into_stream())
    }
}

/// An end in the middle of a handshake is what whoever does not speak TLS makes of its first bytes.
fn handshake(error: &std::io::Error) -> anyhow::Error {
    let hint = if error.kind() == std::io::ErrorKind::UnexpectedEof {
        ": does it?"
    } else {
        ""
    };
    anyhow::anyhow!("{error}").context(format!("speak TLS{hint}"))
}

fn connector(tls: &Tls) -> Result<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots(tls)?);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("choose versions of TLS")?;
    let builder = if tls.any_host {
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build()?;
        let verifier = Arc::new(AnyHost(inner));
        builder.dangerous().with_custom_certificate_verifier(verifier)
    } else {
        builder.with_root_certificates(roots)
    };
    let config = match &tls.own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate).context("understand the client's own certificate")?;
            let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes());
            let key = key.map_err(|_| {
                anyhow::anyhow!("understand the client's own key: it is no PKCS #8, PKCS #1 or SEC1 in PEM")
            })?;
            builder
                .with_client_auth_cert(chain, key)
                .context("use the client's own certificate")?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(tls: &Tls) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &tls.trusted {
        for certificate in certificates(pem).context("understand ssl.truststore")? {
            roots
                .add(certificate)
                .context("trust a certificate of ssl.truststore")?;
        }
        return Ok(roots);
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ensure!(
        !roots.is_empty(),
        "speak TLS: this system's own store holds no certificate; give ssl.truststore.location"
    );
    Ok(roots)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>()?;
    ensure!(!found.is_empty(), "it holds no certificate");
    Ok(found)
}

/// Trusts whom the inner one trusts, by whatever name.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl AnyHost {
    fn provider(&self) -> &dyn ServerCertVerifier {
        &*self.0
    }
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.provider().verify_server_cert(end, above, name, stapled, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.provider()
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.provider()
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider().supported_verify_schemes()
    }
}
