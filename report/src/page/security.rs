//! The page's own policy: it may run the one script that it was made with, and fetch nothing at all. Should escaping
//! ever fail, a hostile value is still no script that this policy knows.

use sha2::{Digest, Sha256};

use crate::base64::base64;

/// The value of `Content-Security-Policy` for a page with this inline script.
pub(super) fn policy(script: &str) -> String {
    let hash = base64(&Sha256::digest(script.as_bytes()));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}
