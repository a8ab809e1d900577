//! Mathematics for the book: an mdBook preprocessor that turns `$..$` and `$$..$$` into MathML, which browsers draw
//! themselves. No script, no fonts, no network.

use cortado::{Error, Kind, Result};
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, push_mathml};
use serde_json::Value;

/// Reads `[context, book]` from stdin as mdBook writes it, and gives the book back.
///
/// # Errors
/// The input is not mdBook's, or a formula cannot be read; the formula is named.
pub fn preprocess(input: &str) -> Result<String> {
    let mut input: Value = serde_json::from_str(input)
        .map_err(|e| Error::new(Kind::Syntax, format!("this is not what mdBook sends to a preprocessor: {e}")))?;
    let book = &mut input[1];
    walk(book)?;
    Ok(book.to_string())
}

/// Every `content` of a chapter, wherever it is.
fn walk(value: &mut Value) -> Result {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(walk),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| match (name.as_str(), value) {
            ("content", Value::String(text)) => {
                *text = page(text)?;
                Ok(())
            }
            (_, value) => walk(value),
        }),
        _ => Ok(()),
    }
}

/// A page with its formulas as MathML. Code stays as it is.
pub fn page(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut prose = String::new();
    for line in text.split_inclusive('\n') {
        let ticks = line.trim_start();
        let ticks = &ticks[..ticks.len() - ticks.trim_start_matches('`').len()];
        match fence {
            None if ticks.len() >= 3 => {
                out += &formulas(&std::mem::take(&mut prose))?;
                fence = Some(ticks);
                out += line;
            }
            None => prose += line,
            Some(open) => {
                if ticks.len() >= open.len() {
                    fence = None;
                }
                out += line;
            }
        }
    }
    Ok(out + &formulas(&prose)?)
}

/// Prose with its formulas as MathML. What stands between backticks stays.
fn formulas(text: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '`', '\\']) {
        out += &rest[..at];
        rest = &rest[at..];
        let sign = if rest.starts_with("$$") { "$$" } else { &rest[..1] };
        let inner = &rest[sign.len()..];
        let end = inner.find(sign);
        match (sign, end) {
            ("\\", _) => {
                let two = rest.chars().take(2).map(char::len_utf8).sum();
                out += &rest[..two];
                rest = &rest[two..];
            }
            ("`", Some(end)) => {
                out += &rest[..end + 2];
                rest = &rest[end + 2..];
            }
            ("$$", Some(end)) => {
                out += &mathml(&inner[..end], DisplayMode::Block)?;
                rest = &inner[end + 2..];
            }
            // A dollar sign that is followed by a blank, or a second one before which there is one, is money.
            ("$", Some(end)) if is_formula(&inner[..end]) => {
                out += &mathml(&inner[..end], DisplayMode::Inline)?;
                rest = &inner[end + 1..];
            }
            _ => {
                out += sign;
                rest = inner;
            }
        }
    }
    Ok(out + rest)
}

fn is_formula(inner: &str) -> bool {
    !inner.is_empty()
        && !inner.starts_with(char::is_whitespace)
        && !inner.ends_with(char::is_whitespace)
        && !inner.contains("\n\n")
}

fn mathml(latex: &str, display_mode: DisplayMode) -> Result<String> {
    let storage = Storage::new();
    let events: Vec<_> = Parser::new(latex.trim(), &storage).collect();
    if let Some(Err(e)) = events.iter().find(|event| event.is_err()) {
        return Err(Error::new(Kind::Syntax, format!("cannot read the formula `{}`: {e}", latex.trim())));
    }
    let mut out = String::new();
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    push_mathml(&mut out, events.into_iter(), config)
        .map_err(|e| Error::new(Kind::Syntax, format!("cannot write the formula `{}`: {e}", latex.trim())))?;
    // A line feed would end a paragraph's HTML.
    // And `\bigl` leaves out a blank between two attributes, which an HTML parser does not forgive.
    Ok(out.replace('\n', " ").replace("\"minsize=", "\" minsize="))
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn formulas_become_mathml_and_code_stays() {
        let text =
            "A $y = w x$ and `$x$`, 5 $ and 6 $.\n\n```sh\necho $HOME $USER\n```\n\n$$ \\frac{1}{2} \\sum_i x_i^2 $$\n";
        let page = page(text).unwrap();
        assert_eq!(page.matches("<math").count(), 2, "{page}");
        assert!(
            page.contains("`$x$`, 5 $ and 6 $.") && page.contains("echo $HOME $USER") && page.contains("<mfrac>"),
            "{page}"
        );
    }

    #[test]
    fn attributes_stand_apart() {
        let page = page("$a \\bigl( b \\bigr)$").unwrap();
        assert!(page.contains("stretchy=\"true\" minsize="), "{page}");
    }

    #[test]
    fn a_broken_formula_is_named() {
        let e = page("So $\\frac{1}{$ it is.").unwrap_err().to_string();
        assert!(e.contains("\\frac{1}{"), "{e}");
    }
}
