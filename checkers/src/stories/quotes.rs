//! Brokers' own lines: what they say in numbers, and how a sentence quotes them.

use history::{BrokerLine, NodeId, Offset};

/// To which offset a line says that a log was cut off.
pub(super) fn truncated_to(line: &BrokerLine) -> Option<Offset> {
    if !line.text.contains("Truncating") {
        return None;
    }
    number_after(&line.text, " to offset ").or_else(|| number_after(&line.text, "TruncationState(offset="))
}

/// A replica that begins to lead or to follow says in which epoch, and where its own log ended.
pub(super) fn begins(line: &BrokerLine) -> Option<(i32, Offset)> {
    let epoch = number_after(&line.text, " starts at leader epoch ")?;
    let offset = number_after(&line.text, " from offset ")?;
    Some((i32::try_from(epoch).ok()?, offset))
}

/// Whether it says so as a leader.
pub(super) fn leads(line: &BrokerLine) -> bool {
    line.text.contains("Leader ") && begins(line).is_some()
}

/// Where a log ended that a process had loaded.
pub(super) fn loaded_to(line: &BrokerLine) -> Option<Offset> {
    if !line.text.contains("Completed load of Log(") {
        return None;
    }
    number_after(&line.text, "logEndOffset=")
}

/// Where the log of the line's node ended, as far as the line says so.
pub fn log_end(line: &BrokerLine) -> Option<Offset> {
    let began = begins(line).map(|(_, offset)| offset);
    began.or_else(|| truncated_to(line)).or_else(|| loaded_to(line))
}

/// Whether a line tells of an election from outside.
pub(super) fn is_unclean(line: &BrokerLine, leader: NodeId) -> bool {
    let text = &line.text;
    text.contains("UNCLEAN partition change") && text.contains(&format!("-> {leader},"))
        || line.node == leader && text.contains("was marked as RECOVERING")
}

fn number_after(text: &str, mark: &str) -> Option<i64> {
    let (_, rest) = text.split_once(mark)?;
    let digits = rest.len()
        - rest
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .len();
    rest[..digits].parse().ok()
}

/// Letters of a line that are quoted.
const LETTERS_MAX: usize = 150;

/// A line as a sentence quotes it: without its level, its logger and the directory, which are in the data.
pub(super) fn quoted(text: &str) -> String {
    let (level, rest) = text.split_once(' ').unwrap_or(("", text));
    let is_level = !level.is_empty() && level.bytes().all(|letter| letter.is_ascii_uppercase());
    let message = if is_level { rest } else { text };
    let message = match message.rsplit_once(" (") {
        Some((before, logger)) if logger.ends_with(')') && !logger.contains(' ') => before,
        _ => message,
    };
    let mut short = match message.split_once(", dir=") {
        Some((before, after)) => {
            let after = after.split_once(']').map_or("", |(_, after)| after);
            format!("{before}]{after}")
        }
        None => message.to_owned(),
    };
    if let Some((at, _)) = short.char_indices().nth(LETTERS_MAX) {
        short.truncate(at);
        short.push('…');
    }
    format!("`{}`", short.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> BrokerLine {
        BrokerLine {
            node: 2,
            at: 0,
            key: Some(0),
            text: text.to_owned(),
        }
    }

    #[test]
    fn lines_say_where_a_log_ends() {
        for (text, end) in [
            (
                "INFO [UnifiedLog partition=log-0, dir=/d] Truncating to offset 190 (k.UnifiedLog)",
                Some(190),
            ),
            (
                "WARN Truncating log-0 to offset 97 below high watermark 428 (k.UnifiedLog)",
                Some(97),
            ),
            (
                "INFO Truncating partition log-0 with TruncationState(offset=190, completed=true) due to x",
                Some(190),
            ),
            (
                "INFO [Broker id=2] Leader log-0 with topic id Some(x) starts at leader epoch 1 from offset 190 with",
                Some(190),
            ),
            (
                "INFO Completed load of Log(dir=/d, logStartOffset=0, logEndOffset=521) with 1 segments",
                Some(521),
            ),
            ("INFO Shrinking ISR from 1 to 2", None),
            ("INFO Truncating to offset x", None),
        ] {
            assert_eq!(log_end(&line(text)), end, "{text}");
        }
        assert_eq!(
            begins(&line("Leader a-0 starts at leader epoch 7 from offset 3 with")),
            Some((7, 3))
        );
    }

    #[test]
    fn a_quote_is_what_was_said() {
        let text = "INFO [UnifiedLog partition=log-0, dir=/a/b c] Truncating to offset 190 (org.apache.kafka.UnifiedLog)";
        assert_eq!(
            quoted(text),
            "`[UnifiedLog partition=log-0] Truncating to offset 190`"
        );
        assert_eq!(quoted("nothing (to see) here"), "`nothing (to see) here`");
        assert!(quoted(&"é".repeat(400)).chars().count() < 160);
        let unclean =
            "INFO UNCLEAN partition change for log-0: isr: [2] -> [3], leader: 2 -> 3, leaderRecoveryState";
        assert!(is_unclean(&line(unclean), 3) && !is_unclean(&line(unclean), 1));
    }
}
