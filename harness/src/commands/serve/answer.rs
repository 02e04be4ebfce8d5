//! From a request to a response: what is refused, and the headers that every answer has.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::file::{self, Opened};
use super::guard::is_host;
use super::pages::Site;
use super::path::{Refusal, Wanted};

/// What is sent after the headers.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What is found at a path.
pub enum Answer {
    /// A page made now.
    Page(StatusCode, String),
    /// A file as it lies there.
    File(Box<Opened>),
    /// It lies at another address, relative to this.
    Elsewhere(String),
}

/// Every answer's headers. Nobody frames a page, and no browser guesses what a file is.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// What a page may do: run what stands in it (its own policy, in the page, says which script that is), and fetch nothing. In a sandbox it has
/// no origin, so a hostile page reads no other.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-downloads";
/// What anything else may do: nothing.
const FILE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// Answers a request.
pub async fn answer(site: Arc<Site>, request: Request<Incoming>) -> Response<Body> {
    let is_head = request.method() == Method::HEAD;
    let mut response = match refused(&site, &request) {
        Some(response) => response,
        None => found(site, &request).await,
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    if is_head {
        *response.body_mut() = empty();
    }
    response
}

fn refused(site: &Site, request: &Request<Incoming>) -> Option<Response<Body>> {
    if !is_host(site.address(), request.uri(), request.headers()) {
        let what = "This server answers to localhost and 127.0.0.1 alone.";
        return Some(page(
            StatusCode::MISDIRECTED_REQUEST,
            &report::message_page("Not here", what, &[]),
        ));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let what = "Results can be read here, and nothing else.";
        let mut response = page(
            StatusCode::METHOD_NOT_ALLOWED,
            &report::message_page("Not allowed", what, &[]),
        );
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    None
}

async fn found(site: Arc<Site>, request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let is_held = request.uri().query() == Some("still");
    let find = move || Wanted::parse(&path).and_then(|wanted| site.find(&wanted, is_held));
    match tokio::task::spawn_blocking(find).await {
        Ok(Ok(Answer::Page(status, text))) => page(status, &text),
        Ok(Ok(Answer::File(opened))) => file(request.headers(), *opened),
        Ok(Ok(Answer::Elsewhere(address))) => elsewhere(&address),
        Ok(Err(refusal)) => refusal_page(refusal),
        Err(_) => page(
            StatusCode::INTERNAL_SERVER_ERROR,
            &report::message_page(
                "Error",
                "The page could not be made: this is a fault of Tribunal's.",
                &[],
            ),
        ),
    }
}

fn refusal_page(refusal: Refusal) -> Response<Body> {
    let (status, title, what) = match refusal {
        Refusal::Malformed => (
            StatusCode::BAD_REQUEST,
            "Bad request",
            "No path here looks like this.",
        ),
        Refusal::Forbidden => (
            StatusCode::FORBIDDEN,
            "Refused",
            "It is hidden, leads out of the folder, or cannot be read.",
        ),
        Refusal::Missing => (StatusCode::NOT_FOUND, "Not found", "Nothing lies there."),
    };
    page(status, &report::message_page(title, what, &[]))
}

fn page(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(text.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PAGE_POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn elsewhere(address: &str) -> Response<Body> {
    let mut response = page(
        StatusCode::FOUND,
        &report::message_page("Elsewhere", "It lies at another address.", &[]),
    );
    // Encoded by whoever names it: always a value.
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response
}

/// A file, unless the reader has it already.
fn file(asked: &HeaderMap, opened: Opened) -> Response<Body> {
    let mut response = Response::new(empty());
    let headers = response.headers_mut();
    let policy = if opened.is_page() {
        PAGE_POLICY
    } else {
        FILE_POLICY
    };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    for (name, value) in [
        (header::ETAG, opened.tag()),
        (header::LAST_MODIFIED, opened.changed()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    if file::is_known(asked, &opened) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(opened.content_type()),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(opened.length()));
    *response.body_mut() = opened.body();
    response
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
