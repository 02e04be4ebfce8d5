//! One connection to one broker or controller, in Kafka's protocol, with a deadline on everything.
//!
//! A request takes the newest version that both sides know. After any error the connection is of no more
//! use (an answer may still be under way): drop it and open another.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ParseResponseErrorCode as _;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{
    Decodable, HeaderVersion, Message, Request, StrBytes, VersionRange, encode_request_header_into_buffer,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// An answer longer than this is not one.
const ANSWER_BYTES_MAX: u32 = 64 << 20;
/// How Tribunal calls itself in brokers' logs.
const CLIENT_ID: &str = "tribunal";
/// The versions of `ApiVersions`, newest first, one of which every broker that can be run answers. Version 4 is that of
/// Kafka 3.9, and alone tells features whose lowest level is 0; version 0 is known to all, and tells no features.
const API_VERSIONS: [i16; 3] = [4, 3, 0];
/// Kafka's code for a version of a request that it does not know. That answer has the form of version 0, whatever was asked.
const UNSUPPORTED_VERSION: i16 = 35;

/// Why there was no answer, or none of use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The connection could not be made or broke, as the kernel said it.
    #[error("{0}")]
    Network(String),
    /// There was no answer in time.
    #[error("no answer in {0} ms")]
    Timeout(u128),
    /// The answer was not understood, or the other side does not know the request.
    #[error("{0}")]
    Protocol(String),
    /// The other side answered with an error.
    #[error("error {code} ({name}) of {of}")]
    Refused {
        /// Kafka's number of the error.
        code: i16,
        /// Its name.
        name: String,
        /// What it is about.
        of: String,
    },
}

impl WireError {
    /// An error if the code of an answer is one.
    pub fn check(code: i16, of: impl FnOnce() -> String) -> Result<(), Self> {
        match code.err() {
            None => Ok(()),
            Some(error) => Err(Self::Refused {
                code,
                name: format!("{error:?}"),
                of: of(),
            }),
        }
    }

    /// The same, with what the other side said of it.
    pub fn check_told(code: i16, why: Option<StrBytes>, of: impl FnOnce() -> String) -> Result<(), Self> {
        Self::check(code, || match why {
            Some(why) if !why.is_empty() => format!("{}: {why}", of()),
            _ => of(),
        })
    }

    /// The code of an answer that is an error.
    pub fn code(&self) -> Option<i16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// An error by the name that Kafka gives it: `NOT_LEADER_OR_FOLLOWER`.
pub(super) fn kafka_name(code: i16) -> String {
    let name = code
        .err()
        .map_or_else(|| "NONE".to_owned(), |error| format!("{error:?}"));
    // One that the wire's library does not know is named with its number.
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return format!("error {code}");
    }
    let mut words = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            words.push('_');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

/// What bytes pass over: a TCP connection, or TLS over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Sync + Unpin> Stream for T {}

/// A connection to one broker or controller.
#[derive(Debug)]
pub struct Connection {
    stream: Box<dyn Stream>,
    correlation: i32,
    versions: BTreeMap<i16, VersionRange>,
    /// The levels of the features that the cluster has finalised, as the other side knows them.
    features: BTreeMap<String, i16>,
    /// The lowest and the highest level of each feature that the other side can do.
    abilities: BTreeMap<String, (i16, i16)>,
}

impl Connection {
    /// Connects and asks for the versions that the other side knows, all within that time.
    pub async fn open(address: SocketAddrV4, within: Duration) -> Result<Self, WireError> {
        let deadline = Instant::now() + within;
        let stream = by(deadline, within, dial(address)).await?;
        by(deadline, within, Self::over(stream)).await
    }

    /// How many kinds of requests the other side answers, and the newest versions of all of them, added up.
    pub(super) fn requests(&self) -> (i16, i16) {
        let newest = self.versions.values().map(|range| range.max);
        let kinds = i16::try_from(self.versions.len()).unwrap_or(i16::MAX);
        (kinds, newest.fold(0, i16::saturating_add))
    }

    /// Asks for the versions that the other side knows; waits for as long as it is let.
    pub(super) async fn over(stream: impl Stream + 'static) -> Result<Self, WireError> {
        let mut connection = Self {
            stream: Box::new(stream),
            correlation: 0,
            versions: BTreeMap::new(),
            features: BTreeMap::new(),
            abilities: BTreeMap::new(),
        };
        let answer = connection.ask_versions().await?;
        WireError::check(answer.error_code, || "ApiVersions".to_owned())?;
        for api in answer.api_keys {
            connection.versions.insert(
                api.api_key,
                VersionRange {
                    min: api.min_version,
                    max: api.max_version,
                },
            );
        }
        for feature in answer.supported_features {
            connection.abilities.insert(
                feature.name.to_string(),
                (feature.min_version, feature.max_version),
            );
        }
        for feature in answer.finalized_features {
            connection
                .features
                .insert(feature.name.to_string(), feature.max_version_level);
        }
        Ok(connection)
    }

    /// What it went over, for others: nothing of an answer is left in it.
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// The levels of the features that the cluster had finalised when the connection was made.
    pub fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    /// The lowest and the highest level of each feature that the other side can do: they tell its version.
    pub fn abilities(&self) -> &BTreeMap<String, (i16, i16)> {
        &self.abilities
    }

    /// The newest version of a request that both sides know.
    pub fn version<R: Request>(&self) -> Result<i16, WireError> {
        let name = || ApiKey::try_from(R::KEY).map_or_else(|()| R::KEY.to_string(), |key| format!("{key:?}"));
        let theirs = self
            .versions
            .get(&R::KEY)
            .ok_or_else(|| WireError::Protocol(format!("{} is not known to the other side", name())))?;
        let both = <R as Message>::VERSIONS.intersect(theirs);
        if both.is_empty() {
            let ours = <R as Message>::VERSIONS;
            return Err(WireError::Protocol(format!(
                "{}: we know {ours}, the other side {theirs}",
                name()
            )));
        }
        Ok(both.max)
    }

    /// Sends a request and reads its answer, within that time.
    pub async fn call<R: Request>(
        &mut self,
        request: &R,
        within: Duration,
    ) -> Result<R::Response, WireError> {
        let version = self.version::<R>()?;
        by(Instant::now() + within, within, self.exchange(request, version)).await
    }

    /// The same in the newest version that both sides know and that is no newer than that.
    pub(super) async fn call_up_to<R: Request>(
        &mut self,
        request: &R,
        newest: i16,
        within: Duration,
    ) -> Result<R::Response, WireError> {
        let version = self.version::<R>()?.min(newest);
        by(Instant::now() + within, within, self.exchange(request, version)).await
    }

    async fn ask_versions(&mut self) -> Result<ApiVersionsResponse, WireError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str(CLIENT_ID))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        for version in API_VERSIONS {
            let mut answer = self.answer_to(&request, version).await?;
            if answer.first_chunk() != Some(&UNSUPPORTED_VERSION.to_be_bytes()) {
                return ApiVersionsResponse::decode(&mut answer, version).map_err(|error| protocol(&error));
            }
        }
        Err(WireError::Protocol(format!(
            "ApiVersions: the other side knows none of {API_VERSIONS:?}"
        )))
    }

    async fn exchange<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, WireError> {
        let mut answer = self.answer_to(request, version).await?;
        R::Response::decode(&mut answer, version).map_err(|error| protocol(&error))
    }

    /// Sends a request and reads the answer's body.
    async fn answer_to<R: Request>(&mut self, request: &R, version: i16) -> Result<Bytes, WireError> {
        self.correlation = self.correlation.wrapping_add(1);
        let frame = encode(request, version, self.correlation).map_err(|error| protocol(&error))?;
        self.stream
            .write_all(&frame)
            .await
            .map_err(|error| network(&error))?;
        let mut answer = self.read_frame().await?;
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(version))
            .map_err(|error| protocol(&error))?;
        if header.correlation_id != self.correlation {
            let (got, expected) = (header.correlation_id, self.correlation);
            return Err(WireError::Protocol(format!(
                "answer to request {got} instead of {expected}"
            )));
        }
        Ok(answer)
    }

    async fn read_frame(&mut self) -> Result<Bytes, WireError> {
        let length = self.stream.read_u32().await.map_err(|error| network(&error))?;
        if length > ANSWER_BYTES_MAX {
            return Err(WireError::Protocol(format!("an answer of {length} bytes")));
        }
        let mut frame = vec![0; length as usize];
        self.stream
            .read_exact(&mut frame)
            .await
            .map_err(|error| network(&error))?;
        Ok(frame.into())
    }
}

/// Makes a connection; waits for as long as it is let.
pub(super) async fn dial(address: SocketAddrV4) -> Result<TcpStream, WireError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| network(&error))?;
    stream.set_nodelay(true).map_err(|error| network(&error))?;
    Ok(stream)
}

fn encode<R: Request>(request: &R, version: i16, correlation: i32) -> anyhow::Result<BytesMut> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut frame = BytesMut::from([0; 4].as_slice());
    encode_request_header_into_buffer(&mut frame, &header)?;
    request.encode(&mut frame, version)?;
    let length = u32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

async fn by<T>(
    deadline: Instant,
    within: Duration,
    work: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    tokio::time::timeout_at(deadline, work)
        .await
        .unwrap_or_else(|_| Err(WireError::Timeout(within.as_millis())))
}

pub(super) fn network(error: &std::io::Error) -> WireError {
    WireError::Network(match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "connection closed".to_owned(),
        kind => kind.to_string(),
    })
}

fn protocol(error: &anyhow::Error) -> WireError {
    WireError::Protocol(format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use kafka_protocol::messages::api_versions_response::ApiVersion;
    use kafka_protocol::messages::{FetchRequest, MetadataRequest};
    use kafka_protocol::protocol::Encodable as _;
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    async fn listen() -> (TcpListener, SocketAddrV4) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        match listener.local_addr().expect("it is bound") {
            SocketAddr::V4(address) => (listener, address),
            SocketAddr::V6(_) => unreachable!("it was bound to an address of version 4"),
        }
    }

    /// Answers `ApiVersions` once, with Metadata up to `newest`, then whatever `after` says, then nothing.
    async fn broker(listener: TcpListener, newest: i16, after: Option<Vec<u8>>) {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let length = stream.read_u32().await.expect("a request");
        stream
            .read_exact(&mut vec![0; length as usize])
            .await
            .expect("all of it");
        let key = ApiVersion::default()
            .with_api_key(ApiKey::Metadata as i16)
            .with_min_version(newest)
            .with_max_version(newest);
        let body = ApiVersionsResponse::default().with_api_keys(vec![key]);
        let mut frame = BytesMut::new();
        ResponseHeader::default()
            .with_correlation_id(1)
            .encode(&mut frame, 0)
            .expect("it fits");
        body.encode(&mut frame, API_VERSIONS[0]).expect("it fits");
        stream
            .write_u32(frame.len() as u32)
            .await
            .expect("the client reads");
        stream.write_all(&frame).await.expect("the client reads");
        if let Some(bytes) = after {
            stream.write_all(&bytes).await.expect("the client reads");
        } else {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }

    async fn connected(newest: i16, after: Option<Vec<u8>>) -> Connection {
        let (listener, address) = listen().await;
        tokio::spawn(broker(listener, newest, after));
        Connection::open(address, Duration::from_secs(10))
            .await
            .expect("it answers")
    }

    #[tokio::test]
    async fn nobody_there_is_refused() {
        let (listener, address) = listen().await;
        drop(listener);
        let error = Connection::open(address, SOON)
            .await
            .expect_err("nobody is there");
        assert_eq!(error, WireError::Network("connection refused".to_owned()));
    }

    #[tokio::test]
    async fn one_that_accepts_and_is_silent_times_out() {
        let (_listener, address) = listen().await;
        let error = Connection::open(address, SOON).await.expect_err("it is silent");
        assert_eq!(error, WireError::Timeout(200));
        assert_eq!(error.to_string(), "no answer in 200 ms");
    }

    #[tokio::test]
    async fn versions_are_the_newest_of_both() {
        let connection = connected(9, None).await;
        assert_eq!(connection.version::<MetadataRequest>(), Ok(9));
        assert!(matches!(
            connection.version::<FetchRequest>(),
            Err(WireError::Protocol(_))
        ));
        let connection = connected(999, None).await;
        let error = connection
            .version::<MetadataRequest>()
            .expect_err("it is too new")
            .to_string();
        assert_eq!(error, "Metadata: we know 0..13, the other side 999..999");
    }

    #[tokio::test]
    async fn a_torn_or_foreign_answer_is_an_error() {
        let outcomes = [
            (vec![0, 0, 0, 9, 1], "connection closed"),
            (vec![0xff; 4], "an answer of 4294967295 bytes"),
            (
                vec![0, 0, 0, 5, 0, 0, 0, 7, 0],
                "answer to request 7 instead of 2",
            ),
        ];
        for (bytes, expected) in outcomes {
            let mut connection = connected(9, Some(bytes)).await;
            let error = connection
                .call(&MetadataRequest::default(), Duration::from_secs(10))
                .await;
            assert_eq!(error.expect_err("it is no answer").to_string(), expected);
        }
    }

    #[test]
    fn codes_have_names() {
        assert_eq!(WireError::check(0, String::new), Ok(()));
        let error = WireError::check(6, || "log-0".to_owned()).expect_err("6 is an error");
        assert_eq!(
            (error.to_string().as_str(), error.code()),
            ("error 6 (NotLeaderOrFollower) of log-0", Some(6))
        );
        assert_eq!(kafka_name(6), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(kafka_name(74), "FENCED_LEADER_EPOCH");
        assert_eq!(kafka_name(75), "UNKNOWN_LEADER_EPOCH");
        assert_eq!(kafka_name(9999), "error 9999");
    }
}
