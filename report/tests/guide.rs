//! The guide's table of findings is made from the checkers' list. `UPDATE_GUIDE=1` writes it anew.

use std::fs;
use std::path::Path;

use checkers::{ANOMALIES, Anomaly};

const BEGIN: &str =
    "<!-- findings: from the checkers' list, by `UPDATE_GUIDE=1 cargo test -p report --test guide` -->\n";
const END: &str = "<!-- end of the findings -->\n";

fn row(anomaly: &Anomaly) -> String {
    let source = match anomaly.source().as_str() {
        "" => "Tribunal's own.".to_owned(),
        source => source.to_owned(),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    format!(
        "| `{}` | `{}` | {} | {} |\n",
        anomaly.name,
        anomaly.check,
        cell(&anomaly.meaning()),
        cell(&source)
    )
}

fn table() -> String {
    let rows: String = ANOMALIES.iter().map(row).collect();
    format!(
        "| finding | check | what it means | where the definition comes from |\n|---|---|---|---|\n{rows}"
    )
}

#[test]
fn the_guide_lists_every_finding() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide.md");
    let guide = fs::read_to_string(&path).expect("the guide lies beside this crate");
    let (before, rest) = guide
        .split_once(BEGIN)
        .expect("the guide has a place for the table");
    let (found, after) = rest.split_once(END).expect("the table has an end");
    let expected = table();
    if found != expected && std::env::var_os("UPDATE_GUIDE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).expect("the guide can be written");
        return;
    }
    assert!(
        found == expected,
        "docs/guide.md is behind the checkers' list: run this test with UPDATE_GUIDE=1, which makes\n{expected}"
    );
}
