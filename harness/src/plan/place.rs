//! Where in a plan's text a setting stands, so that what is wrong with it can be said at its line and column.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Renders what is wrong with the setting at `path` in the plan's text, in the form of the parser's errors.
///
/// Where the setting itself is not written (its default is wrong beside another setting), the nearest table
/// above it is shown.
pub fn at(text: &str, path: &[&str], reason: &str) -> String {
    let span = find(text, path).unwrap_or(0..0);
    render(text, span, reason)
}

fn find(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let table = DeTable::parse(text).ok()?;
    let mut span = table.span();
    let mut value: Option<&DeValue<'_>> = None;
    for (depth, name) in path.iter().enumerate() {
        let next = match value {
            None => table.get_ref().get_key_value(*name),
            Some(DeValue::Table(inner)) => inner.get_key_value(*name),
            Some(DeValue::Array(list)) => {
                let item = list.get(name.parse::<usize>().ok()?)?;
                span = item.span();
                value = Some(item.get_ref());
                continue;
            }
            Some(_) => None,
        };
        let Some((key, inner)) = next else { break };
        span = if depth + 1 == path.len() {
            key.span().start..inner.span().end
        } else {
            inner.span()
        };
        value = Some(inner.get_ref());
    }
    Some(span)
}

fn render(text: &str, span: Range<usize>, reason: &str) -> String {
    let start = span.start.min(text.len());
    let before = &text[..start];
    let number = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = text[line_start..start].chars().count();
    let width = text[start..span.end.min(line_start + line.len()).max(start)]
        .chars()
        .count()
        .max(1);
    let margin = " ".repeat(number.to_string().len());
    format!(
        "TOML error at line {number}, column {}\n{margin} |\n{number} | {line}\n{margin} | {}{}\n{reason}\n",
        column + 1,
        " ".repeat(column),
        "^".repeat(width),
    )
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn points_at_a_nested_setting() {
        let text = "name = \"x\"\n[workload.log]\nacks = \"1\"\nidempotence = true\n";
        insta::assert_snapshot!(at(text, &["workload", "log", "idempotence"], "acks=1 cannot be idempotent"), @r#"
        TOML error at line 4, column 1
          |
        4 | idempotence = true
          | ^^^^^^^^^^^^^^^^^^
        acks=1 cannot be idempotent
        "#);
    }

    #[test]
    fn points_into_a_list_and_at_the_table_above_a_default() {
        let text = "[[topics]]\nname = \"a\"\n\n[[topics]]\nname = \"b\"\nreplication-factor = 9\n";
        insta::assert_snapshot!(at(text, &["topics", "1", "replication-factor"], "more replicas than nodes"), @r"
        TOML error at line 6, column 1
          |
        6 | replication-factor = 9
          | ^^^^^^^^^^^^^^^^^^^^^^
        more replicas than nodes
        ");
        assert!(at(text, &["topics", "0", "partitions"], "none").contains("line 1, column 1"));
    }
}
