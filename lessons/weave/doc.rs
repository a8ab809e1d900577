//! A layer's documentation, written for rustdoc, made fit for the book.

use crate::layers::Row;

/// Documentation with rustdoc's links made the book's, and the files of the layers that it names.
pub fn linked(doc: &str, rows: &[Row]) -> (String, Vec<String>) {
    let (mut out, mut related, mut rest) = (String::new(), Vec::new(), doc);
    while let Some(at) = rest.find(['`', '[', '\\']) {
        out += &rest[..at];
        rest = &rest[at..];
        let link = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')).and_then(|(label, after)| {
            let target = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
            match target.filter(|(target, _)| target.contains("::")) {
                Some((target, after)) => Some((label, target, after)),
                None => (label.starts_with('`') && !after.starts_with('(')).then_some((label, label, after)),
            }
        });
        if let Some((label, target, after)) = link {
            let last = target.trim_matches('`').rsplit("::").next().unwrap_or(target);
            match rows.iter().find(|row| row.name == last || row.stem == last) {
                Some(row) => {
                    out += &format!("[{label}]({}.md)", row.stem);
                    if !related.contains(&row.stem) {
                        related.push(row.stem.clone());
                    }
                }
                None => out += label,
            }
            rest = after;
        } else {
            // Code and what is escaped stay as they are.
            let end = match rest.chars().next() {
                Some('`') => rest[1..].find('`').map_or(1, |i| i + 2),
                Some('\\') => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
                _ => 1,
            };
            out += &rest[..end];
            rest = &rest[end..];
        }
    }
    for row in rows {
        // A type in the middle of a sentence, after a small letter: "a Scale layer", not "Data is".
        let mut spots = doc.match_indices(&row.kind).map(|(i, kind)| (&doc[..i], &doc[i + kind.len()..]));
        let named = spots.any(|(before, after)| {
            before.ends_with([' ', '\n'])
                && before.trim_end().ends_with(|c: char| c.is_lowercase() || c == ',')
                && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        });
        if named && !related.contains(&row.stem) {
            related.push(row.stem.clone());
        }
    }
    (out + rest, related)
}

/// A page whose tables stand in boxes, where names are not broken.
pub fn framed(page: &str) -> String {
    let lines: Vec<&str> = page.lines().collect();
    let is_row = |i: usize| lines.get(i).is_some_and(|line| line.starts_with('|'));
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        let begins = is_row(i) && (i == 0 || !is_row(i - 1));
        out += if begins { "<div class=\"names\">\n\n" } else { "" };
        out += &format!("{line}\n");
        out += if is_row(i) && !is_row(i + 1) { "\n</div>\n" } else { "" };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, name: &str, stem: &str) -> Row {
        let [group, source, doc] = [(); 3].map(|()| String::new());
        Row { group, kind: kind.into(), name: name.into(), stem: stem.into(), source, doc }
    }

    #[test]
    fn rustdoc_s_links_become_the_book_s() {
        let rows = [row("LRN", "Lrn", "lrn"), row("Scale", "Scale", "scale"), row("Slice", "Slice", "slice")];
        let doc = "`y[m] = w[x[m]]`, x\\[m\\], [`Lrn`], [the norm](super::lrn), [`Lrn::reset`], [stream](crate::random), \
                   [`a` page](https://x.y), y[n, c]; then a Scale layer. Slice begins a sentence.";
        let (text, related) = linked(doc, &rows);
        let expected = "`y[m] = w[x[m]]`, x\\[m\\], [`Lrn`](lrn.md), [the norm](lrn.md), `Lrn::reset`, stream, \
                        [`a` page](https://x.y), y[n, c]; then a Scale layer. Slice begins a sentence.";
        assert_eq!(text, expected);
        assert_eq!(related, ["lrn", "scale"]);
    }
}
