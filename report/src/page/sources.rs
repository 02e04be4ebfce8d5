//! What the run was made of: nodes, topics, versions, files, the resolved plan.

use maud::{Markup, html};

use crate::format::list;
use crate::run::Run;

/// Everything that is needed to do it again, and the files to look further.
pub(super) fn section(run: &Run<'_>) -> Markup {
    html! {
        section #sources {
            h2 { "Cluster and plan" }
            (cluster(run))
            (files(run.input.files))
            (versions(run.input.versions))
            @if !run.input.plan_text.is_empty() {
                details.group { summary { strong { "Resolved plan" } span.meaning { "Every default filled in, every random choice drawn: itself a plan." } } pre { code { (run.input.plan_text) } } }
            }
        }
    }
}

fn cluster(run: &Run<'_>) -> Markup {
    let header = run.header();
    html! {
        p.lead {
            (header.broker) " on the nodes " (list(&header.nodes))
            @if !header.controllers.is_empty() { ", controlled by the nodes " (list(&header.controllers)) }
            @if !header.zookeepers.is_empty() { ", with ZooKeeper on the nodes " (list(&header.zookeepers)) }
            "."
        }
        div.scroll { table {
            thead { tr { th scope="col" { "Topic" } th.number scope="col" { "Partitions" } th.number scope="col" { "Replicas" }
                th.number scope="col" { "min.insync.replicas" } th scope="col" { "Unclean election" } } }
            tbody { @for topic in &header.topics { tr {
                th scope="row" { (topic.name) }
                td.number { (topic.partitions) }
                td.number { (topic.replication_factor) }
                td.number { (topic.min_insync_replicas) }
                td { (if topic.unclean_election { "on" } else { "off" }) }
            } } }
        } }
    }
}

fn versions(versions: &[(String, String)]) -> Markup {
    html! {
        @if !versions.is_empty() {
            details.group {
                summary { strong { "Versions and sums" } }
                div.scroll { table { tbody { @for (name, value) in versions { tr { th scope="row" { (name) } td.code { (value) } } } } } }
            }
        }
    }
}

fn files(files: &[String]) -> Markup {
    html! {
        @if !files.is_empty() {
            h3 { "Files of this run" }
            ul.files { @for file in files { li { a href=(relative(file)) { (file) } } } }
        }
    }
}

/// The path as an address below the page's own folder, whatever it looks like: a name with a colon is no scheme,
/// a leading slash leads nowhere else, and `..` is no step up.
fn relative(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    let encoded: Vec<String> = parts.map(encode).collect();
    format!("./{}", encoded.join("/"))
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
fn encode(part: &str) -> String {
    use std::fmt::Write;
    part.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("a String takes every write");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_below_the_page() {
        assert_eq!(relative("nodes/1/server.log"), "./nodes/1/server.log");
        assert_eq!(relative("javascript:alert(1)"), "./javascript%3Aalert%281%29");
        assert_eq!(relative("//host/../etc"), "./host/etc");
        assert_eq!(relative("a b?c#d"), "./a%20b%3Fc%23d");
    }
}
