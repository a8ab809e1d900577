//! The lesson as a chapter of the book: prose, code, and what the notebook's cells said.

use crate::lesson::{Lesson, Role};
use crate::output::{Output, title};

/// The files of a chapter: paths from `book/src/lessons/`, each with its text.
pub fn files(lesson: &Lesson, outputs: &[Vec<Output>]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let stem = &lesson.stem;
    let mut page = format!(
        "<!-- Woven from lessons/{stem}.rs; change that, then: cargo run --release --bin weave -- {} -->\n",
        lesson.number()
    );
    let mut said = outputs.iter();
    for (i, cell) in lesson.cells.iter().enumerate() {
        page.push('\n');
        if cell.role == Role::Prose {
            page += &boxed(&relink(&cell.text, ".md"));
            page.push('\n');
            continue;
        }
        page += &fenced("rust", &cell.text);
        for (k, output) in said.next().into_iter().flatten().enumerate() {
            page += "\n<div class=\"output\">\n\n";
            match output {
                Output::Text(text) => page += &fenced("text", text.trim_end_matches('\n')),
                Output::Html(html) => {
                    page += html;
                    page.push('\n');
                }
                Output::Svg(svg) => {
                    let name = format!("{stem}/{i:02}_{k}.svg");
                    page += &format!("![{}]({name})\n", title(svg));
                    files.push((name, svg.clone() + "\n"));
                }
            }
            page += "\n</div>\n";
        }
    }
    files.push((format!("{stem}.md"), page));
    files
}

/// Prose whose question to the reader, a paragraph, stands in a box.
fn boxed(prose: &str) -> String {
    let paragraph = |text: &str| match text.trim_start().starts_with("**What will this print?**") {
        true => format!("<div class=\"question\">\n\n{text}\n\n</div>"),
        false => text.to_string(),
    };
    prose.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// A block of code; the fence is longer than any in the text.
fn fenced(language: &str, text: &str) -> String {
    let fence = if text.contains("```") { "`````" } else { "```" };
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// Prose for another place: links to lessons (`02_name.rs`) lead to files with the given ending; in the book, links to the
/// house's files are names only, for the book holds no sources.
pub fn relink(text: &str, ending: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let (before, after) = rest.split_at(at);
        let Some(close) = after.find(')') else { break };
        let target = &after[2..close];
        if ending == ".md" && target.starts_with("../") && !target.contains("book/src") {
            let open = before.rfind('[').unwrap_or(0);
            let label = before[open..].trim_start_matches('[').trim_matches('`');
            out += &before[..open];
            out += &format!("`{label}`");
        } else {
            out += before;
            let lesson = target.strip_suffix(".rs").filter(|t| !t.contains('/'));
            let target = match lesson {
                Some(stem) => format!("{stem}{ending}"),
                None if ending == ".md" => target.replacen("../book/src/", "../", 1),
                None => target.to_string(),
            };
            out += &format!("]({target})");
        }
        rest = &after[close + 1..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::{boxed, relink};

    #[test]
    fn a_question_stands_in_a_box() {
        let prose = "Before.\n\n**What will this print?** Ten\nzeros?\n\nAfter.";
        let page = boxed(prose);
        assert!(page.contains("<div class=\"question\">\n\n**What will this print?** Ten\nzeros?\n\n</div>\n\nAfter."));
        assert!(page.starts_with("Before.\n\n<div"));
        assert_eq!(boxed("A **What will this print?** in passing."), "A **What will this print?** in passing.");
    }

    #[test]
    fn links_lead_to_the_same_form() {
        let prose = "See [lesson 3](03_custom_solver.rs), open [`src/net.rs`](../src/net.rs), or [the map](../book/src/map.md).";
        let book = "See [lesson 3](03_custom_solver.md), open `src/net.rs`, or [the map](../map.md).";
        let notebook = prose.replace("solver.rs", "solver.ipynb");
        assert_eq!(relink(prose, ".md"), book);
        assert_eq!(relink(prose, ".ipynb"), notebook);
    }
}
