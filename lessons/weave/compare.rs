//! Whether an output is the recorded one: the same words and, within the cell's tolerance, the same numbers.

use crate::output::Output;
use crate::text::{Token, Tolerance, equal, text, tokens};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The first difference between the recorded outputs and the new ones, if there is one.
pub fn difference(old: &[Output], new: &[Output], tolerance: Tolerance) -> Option<String> {
    for (old, new) in old.iter().zip(new) {
        let different = match (old, new) {
            (Output::Text(a), Output::Text(b)) => text(a, b, tolerance),
            (Output::Html(a), Output::Html(b)) => markup(a, b, tolerance),
            (Output::Svg(a), Output::Svg(b)) => markup(a, b, tolerance),
            _ => Some(format!("recorded {}, now {}", kind(old), kind(new))),
        };
        if different.is_some() {
            return different;
        }
    }
    match old.len().cmp(&new.len()) {
        std::cmp::Ordering::Less => Some(format!("there is more output than was recorded: {}", kind(&new[old.len()]))),
        std::cmp::Ordering::Greater => Some(format!("output is missing: {}", kind(&old[new.len()]))),
        std::cmp::Ordering::Equal => None,
    }
}

fn kind(output: &Output) -> String {
    match output {
        Output::Text(text) => format!("the text `{}`", text.lines().next().unwrap_or("")),
        Output::Svg(_) => "a picture".into(),
        Output::Html(_) => "a table".into(),
    }
}

/// The first element of two drawings or tables that differs: its name, its words, and its numbers within the tolerance,
/// where a coordinate may be off by that part of the page's width.
fn markup(old: &str, new: &str, tolerance: Tolerance) -> Option<String> {
    let (a, b) = (elements(old), elements(new));
    for (a, b) in a.iter().zip(&b) {
        let same = match (a.strip_prefix('<'), b.strip_prefix('<')) {
            (Some(x), Some(y)) => tags_equal(x, y, tolerance),
            (None, None) => equal(a, b, tolerance),
            _ => false,
        };
        if !same {
            let short = |s: &str| s.chars().take(120).collect::<String>();
            return Some(format!("in the picture, recorded `{}`, now `{}`", short(a), short(b)));
        }
    }
    (a.len() != b.len()).then(|| format!("the picture had {} elements, now {}", a.len(), b.len()))
}

/// Tags (with their `<`) and the texts between them.
fn elements(markup: &str) -> Vec<&str> {
    let mut elements = Vec::new();
    for part in markup.split_inclusive('>') {
        let (words, tag) = part.split_at(part.find('<').unwrap_or(part.len()));
        elements.extend([words.trim(), tag.trim_end_matches('>')].into_iter().filter(|s| !s.is_empty()));
    }
    elements
}

fn tags_equal(old: &str, new: &str, tolerance: Tolerance) -> bool {
    const WIDTH: f64 = 760.0;
    if let (Some(a), Some(b)) = (png(old), png(new)) {
        return tolerance == Tolerance::Any || pixels_equal(&a, &b, tolerance);
    }
    let name = |tag: &str| tag.split_whitespace().next().map(str::to_string);
    let spaced = |tag: &str| tag.replace(['"', ',', '#'], " ").replace(['M', 'L', 'Z', 'h', 'v', 'z'], " ");
    match tolerance {
        Tolerance::Any => name(old) == name(new),
        Tolerance::Relative(part) => {
            let (a, b) = (tokens(&spaced(old)), tokens(&spaced(new)));
            a.len() == b.len()
                && a.iter().zip(&b).all(|(a, b)| match (a, b) {
                    (Token::Number(a), Token::Number(b)) => a == b || (a - b).abs() <= part * WIDTH,
                    (a, b) => a == b,
                })
        }
    }
}

/// The pixels of a picture that is written into a tag.
fn png(tag: &str) -> Option<(u32, u32, Vec<u8>)> {
    let data = tag.split("data:image/png;base64,").nth(1)?.split('"').next()?;
    let bytes = BASE64_STANDARD.decode(data).ok()?;
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut pixels).ok()?;
    Some((frame.width, frame.height, pixels))
}

/// Whether two pictures have one size and differ, in the mean, by no more than the tolerance and one shade.
fn pixels_equal(a: &(u32, u32, Vec<u8>), b: &(u32, u32, Vec<u8>), tolerance: Tolerance) -> bool {
    let Tolerance::Relative(part) = tolerance else { return true };
    let sum: f64 = a.2.iter().zip(&b.2).map(|(a, b)| a.abs_diff(*b) as f64).sum();
    (a.0, a.1) == (b.0, b.1) && sum <= (1.0 + 255.0 * part) * a.2.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const THOUSANDTH: Tolerance = Tolerance::Relative(1e-3);

    #[test]
    fn pictures_are_compared_by_their_elements() {
        let svg = |x: &str, word: &str| format!("<svg><line x1=\"{x}\" stroke=\"#123456\"/><text>{word}</text></svg>");
        assert_eq!(markup(&svg("10.0", "loss"), &svg("10.5", "loss"), THOUSANDTH), None);
        assert!(markup(&svg("10.0", "loss"), &svg("14", "loss"), THOUSANDTH).is_some());
        assert!(markup(&svg("10.0", "loss"), &svg("10.0", "lose"), Tolerance::Any).is_some());
        // A colour that looks like a number too large for any type.
        assert_eq!(markup("<rect fill=\"#6e6414\"/>", "<rect fill=\"#6e6414\"/>", THOUSANDTH), None);
        assert!(markup(&svg("1", "a"), "<svg></svg>", Tolerance::Any).is_some());
    }
}
