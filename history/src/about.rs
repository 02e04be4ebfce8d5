//! What the lists of `tribunal list` say of a thing: the first paragraph of the file that makes it work.

/// The first paragraph of a source file's own documentation (its `//!` lines), as one line.
pub fn about(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let paragraph: Vec<&str> = lines.map(str::trim).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

#[cfg(test)]
mod tests {
    use super::about;

    #[test]
    fn the_first_paragraph_is_one_line() {
        assert_eq!(
            about("//! One thing,\n//! told.\n//!\n//! More.\nuse x;"),
            "One thing, told."
        );
        assert_eq!(about("use x;\n//! Not at the top."), "");
    }
}
