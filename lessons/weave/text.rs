//! Whether two texts say the same: the same words and, within a tolerance, the same numbers.

/// Numbers as small as this are rounding errors; any two of them are equal.
const NOTHING: f64 = 1e-6;

/// How far numbers may be from those that were recorded or are right.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Tolerance {
    /// As a part of the larger one.
    Relative(f64),
    /// Any number will do; the words count.
    Any,
}

impl Default for Tolerance {
    fn default() -> Tolerance {
        Tolerance::Relative(1e-3)
    }
}

/// Where two texts part.
pub struct Difference<'a> {
    /// The line that an indented line stands under, if it does.
    pub under: Option<&'a str>,
    /// The line of either text; a text that has ended has none.
    pub old: Option<&'a str>,
    pub new: Option<&'a str>,
}

/// The first line that differs.
pub fn difference<'a>(old: &'a str, new: &'a str, tolerance: Tolerance) -> Option<Difference<'a>> {
    let (mut a, mut b) = (old.lines(), new.lines());
    let mut above: Vec<&str> = Vec::new();
    loop {
        let (a, b) = (a.next(), b.next());
        let line = a.or(b)?;
        if !matches!((a, b), (Some(a), Some(b)) if equal(a, b, tolerance)) {
            let indent = |line: &str| line.len() - line.trim_start().len();
            let under = above.iter().rev().find(|before| indent(before) < indent(line)).map(|before| before.trim());
            return Some(Difference { under, old: a.map(str::trim), new: b.map(str::trim) });
        }
        above.push(line);
    }
}

/// The first line that differs, in words.
pub fn text(old: &str, new: &str, tolerance: Tolerance) -> Option<String> {
    let difference = difference(old, new, tolerance)?;
    let under = difference.under.map_or(String::new(), |line| format!(", under `{line}`"));
    Some(match (difference.old, difference.new) {
        (Some(a), Some(b)) => format!("recorded `{a}`, now `{b}`{under}"),
        (Some(a), None) => format!("the line `{a}` is missing{under}"),
        (None, b) => format!("the line `{}` was not recorded{under}", b.unwrap_or_default()),
    })
}

/// Whether two lines hold the same words and numbers; how many blanks stand between them does not matter.
pub fn equal(old: &str, new: &str, tolerance: Tolerance) -> bool {
    let (a, b) = (tokens(old), tokens(new));
    a.len() == b.len()
        && a.iter().zip(&b).all(|(a, b)| match (a, b) {
            (Token::Number(a), Token::Number(b)) => near(*a, *b, tolerance),
            (a, b) => a == b,
        })
}

fn near(a: f64, b: f64, tolerance: Tolerance) -> bool {
    match tolerance {
        Tolerance::Any => true,
        Tolerance::Relative(part) => {
            a == b
                || (a.is_nan() && b.is_nan())
                || (a - b).abs() <= part * a.abs().max(b.abs())
                || a.abs().max(b.abs()) < NOTHING
        }
    }
}

#[derive(PartialEq, Debug)]
pub enum Token {
    Number(f64),
    Word(String),
}

/// A line as numbers and what stands between them. A number may have a sign, thousands set apart by commas, a fraction and an
/// exponent; a digit inside a name (`conv1`) belongs to the name.
pub fn tokens(line: &str) -> Vec<Token> {
    let chars: Vec<char> = line.replace('\u{2212}', "-").chars().collect(); // the minus of the strips
    let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
    let (mut tokens, mut word, mut i) = (Vec::new(), String::new(), 0);
    let flush = |word: &mut String, tokens: &mut Vec<Token>| {
        if !word.is_empty() {
            tokens.push(Token::Word(std::mem::take(word)));
        }
    };
    while i < chars.len() {
        let in_name = word.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let sign = matches!(chars[i], '-' | '+') && digit(i + 1) && !in_name;
        if (digit(i) && !in_name) || sign {
            let start = i;
            i += 1;
            while digit(i) || (chars.get(i) == Some(&',') && (i + 1..i + 4).all(digit) && !digit(i + 4)) {
                i += 1;
            }
            if chars.get(i) == Some(&'.') && digit(i + 1) {
                i += 1;
                while digit(i) {
                    i += 1;
                }
            }
            let exponent = if matches!(chars.get(i + 1), Some('-' | '+')) { i + 2 } else { i + 1 };
            if matches!(chars.get(i), Some('e' | 'E')) && digit(exponent) {
                i = exponent;
                while digit(i) {
                    i += 1;
                }
            }
            flush(&mut word, &mut tokens);
            let number: String = chars[start..i].iter().filter(|c| **c != ',').collect();
            tokens.push(Token::Number(number.parse().unwrap_or(f64::NAN)));
        } else {
            if chars[i].is_whitespace() {
                flush(&mut word, &mut tokens);
            } else {
                word.push(chars[i]);
            }
            i += 1;
        }
    }
    flush(&mut word, &mut tokens);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    const THOUSANDTH: Tolerance = Tolerance::Relative(1e-3);

    #[test]
    fn numbers_are_near_and_words_are_equal() {
        assert_eq!(text("loss 0.50000 of ip1", "loss  0.50001 of ip1", THOUSANDTH), None);
        assert!(text("loss 0.5", "loss 0.51", THOUSANDTH).is_some());
        assert!(text("layer ip1", "layer ip2", Tolerance::Any).is_some(), "a digit in a name is no number");
        assert_eq!(text("431,080 parameters", "431,081 parameters", THOUSANDTH), None);
        assert_eq!(text("1e-9", "-3.5e-8", THOUSANDTH), None);
        assert_eq!(text("1.2e\u{2212}11", "\u{2212}1.8e-11", THOUSANDTH), None, "the strip's minus is a sign");
        assert!(text("mean \u{2212}2", "mean 2", THOUSANDTH).is_some());
        assert_eq!(text("error 3.5", "error 99", Tolerance::Any), None);
        assert!(text("3 wrong", "many wrong", Tolerance::Any).is_some());
        assert!(text("a\nb", "a", THOUSANDTH).is_some());
        let passes =
            difference("pass 1\n  da 1\npass 2\n  da 2", "pass 1\n  da 1\npass 2\n  da 3", THOUSANDTH).unwrap();
        assert_eq!((passes.under, passes.old, passes.new), (Some("pass 2"), Some("da 2"), Some("da 3")));
        assert!(text("x = 1-2", "x = 1+2", THOUSANDTH).is_some());
    }
}
