//! What people read: the page, the test results.
