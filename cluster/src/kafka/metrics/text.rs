//! Prometheus's text format, version 0.0.4: one sample a line.
//!
//! Source: "Exposition formats" of Prometheus's documentation.

/// Names and values.
type Labels<'a> = Vec<(&'a str, String)>;

/// A value that was told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub name: &'a str,
    /// In the order in which they stand.
    pub labels: Labels<'a>,
    pub value: f64,
    /// Milliseconds since 1970, where it was told.
    pub timestamp: Option<i64>,
}

/// A line that is no sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number} is no metric: {what}")]
pub(super) struct BadLine {
    /// From 1 on.
    pub number: usize,
    pub what: &'static str,
}

/// All samples of an answer; lines of comments and empty ones are none.
pub(super) fn samples(text: &str) -> impl Iterator<Item = Result<Sample<'_>, BadLine>> {
    let lines = text.lines().enumerate();
    lines
        .map(|(index, line)| (index + 1, line.trim_matches([' ', '\t', '\r'])))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| sample(line).map_err(|what| BadLine { number, what }))
}

fn sample(line: &str) -> Result<Sample<'_>, &'static str> {
    let end = line
        .find(|character| !is_of_name(character))
        .ok_or("it has no value")?;
    let (name, rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err("it begins with no name");
    }
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next().ok_or("it has no value")?)?;
    let timestamp = words.next().map(str::parse).transpose();
    let timestamp = timestamp.map_err(|_| "its time is no number")?;
    match words.next() {
        Some(_) => Err("something follows its time"),
        None => Ok(Sample {
            name,
            labels,
            value,
            timestamp,
        }),
    }
}

fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character == ':'
}

/// A number as Go writes it: `NaN`, `+Inf`, `-Inf` and exponents included.
fn number(word: &str) -> Result<f64, &'static str> {
    word.parse().map_err(|_| "its value is no number")
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Result<(Labels<'_>, &str), &'static str> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once('=').ok_or("a label has no value")?;
        let name = name.trim_end();
        if name.is_empty() || !name.chars().all(is_of_name) {
            return Err("a label has no name");
        }
        let quoted = after.trim_start().strip_prefix('"');
        let (value, after) = text_up_to_quote(quoted.ok_or("a label's value is not quoted")?)?;
        labels.push((name, value));
        rest = after.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err("its labels do not end"),
        }
    }
}

/// A label's value up to the quote that ends it, and what follows that.
fn text_up_to_quote(quoted: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[index + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                // Kept as it stands, as Prometheus keeps it.
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("a label's value does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, name: &str, labels: &[(&str, &str)], value: f64) {
        let sample = sample(line).unwrap_or_else(|what| panic!("{line}: {what}"));
        let found: Vec<(&str, &str)> = sample
            .labels
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!((sample.name, found.as_slice()), (name, labels), "{line}");
        let same = sample.value.to_bits() == value.to_bits() || (sample.value.is_nan() && value.is_nan());
        assert!(same, "{line}: {}", sample.value);
    }

    #[test]
    fn values_of_all_forms() {
        check("up 1", "up", &[], 1.0);
        check("a:b_c \t-0.25", "a:b_c", &[], -0.25);
        check("x 1.795712750695E12", "x", &[], 1_795_712_750_695.0);
        check("x 5e-3", "x", &[], 0.005);
        check("x NaN", "x", &[], f64::NAN);
        check("x +Inf", "x", &[], f64::INFINITY);
        check("x -Inf", "x", &[], f64::NEG_INFINITY);
    }

    #[test]
    fn labels_of_all_forms() {
        check("x{} 1", "x", &[], 1.0);
        check("x{a=\"1\",} 1", "x", &[("a", "1")], 1.0);
        check(
            "x { a = \"1\" , b=\"}, #\" } 2",
            "x",
            &[("a", "1"), ("b", "}, #")],
            2.0,
        );
        check(
            r#"x{path="C:\\d\"q\"\n\t"} 3"#,
            "x",
            &[("path", "C:\\d\"q\"\n\\t")],
            3.0,
        );
    }

    #[test]
    fn a_time_may_follow() {
        assert_eq!(
            sample("x 1 1395066363000").map(|sample| sample.timestamp),
            Ok(Some(1_395_066_363_000))
        );
        assert_eq!(sample("x 1 -5").map(|sample| sample.timestamp), Ok(Some(-5)));
        assert_eq!(sample("x 1").map(|sample| sample.timestamp), Ok(None));
    }

    #[test]
    fn what_is_no_sample_is_named_by_its_line() {
        for (line, what) in [
            ("x", "it has no value"),
            ("x ", "it has no value"),
            ("{a=\"1\"} 1", "it begins with no name"),
            ("1x 1", "it begins with no name"),
            ("x one", "its value is no number"),
            ("x 1 2 3", "something follows its time"),
            ("x 1 soon", "its time is no number"),
            ("x{a} 1", "a label has no value"),
            ("x{=\"1\"} 1", "a label has no name"),
            ("x{a=1} 1", "a label's value is not quoted"),
            ("x{a=\"1} 1", "a label's value does not end"),
            ("x{a=\"1\\", "a label's value does not end"),
            ("x{a=\"1\" b=\"2\"} 1", "its labels do not end"),
        ] {
            let text = format!("# HELP x y\n\n{line}\n");
            let found: Vec<_> = samples(&text).collect();
            assert_eq!(found, [Err(BadLine { number: 3, what })], "{line}");
        }
    }

    #[test]
    fn comments_and_empty_lines_are_none() {
        let text = "# HELP a b\r\n# TYPE a counter\n  \n\ta 1\n#a 2\r\nb 2\r\n# EOF";
        let names: Vec<_> = samples(text).flatten().map(|sample| sample.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
