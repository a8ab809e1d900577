//! What a cell says: printed text, and rich output between two marks on stdout.

/// One piece of output.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    Text(String),
    Svg(String),
    Html(String),
}

/// A program's stdout in pieces. Rich output stands between `EVCXR_BEGIN_CONTENT mime` and `EVCXR_END_CONTENT`.
pub fn pieces(stdout: &str) -> Vec<Output> {
    let mut pieces = Vec::new();
    let mut rich: Option<(String, String)> = None;
    for line in stdout.lines() {
        match (&mut rich, line.strip_prefix("EVCXR_BEGIN_CONTENT ")) {
            (None, Some(mime)) => rich = Some((mime.trim().to_string(), String::new())),
            (None, None) => push_text(&mut pieces, &format!("{line}\n")),
            (Some((mime, body)), _) if line == "EVCXR_END_CONTENT" => {
                let body = body.trim_end().to_string();
                pieces.push(if mime == "image/svg+xml" { Output::Svg(body) } else { Output::Html(body) });
                rich = None;
            }
            (Some((_, body)), _) => {
                body.push_str(line);
                body.push('\n');
            }
        }
    }
    pieces
}

/// What stands between an `img`'s quotes before the drawing.
const DATA: &str = "src=\"data:image/svg+xml,";

/// A drawing as an `img` tag. Jupyter shows that to everybody who opens the notebook; a bare SVG only to who ran it, for one
/// may hide a script.
pub fn to_img(svg: &str) -> String {
    let mut img = format!("<img alt=\"{}\" {DATA}", title(svg));
    for c in svg.chars() {
        match c {
            '%' | '#' | '"' | '<' | '>' | '&' | '\n' => img += &format!("%{:02X}", c as u32),
            c => img.push(c),
        }
    }
    img + "\">"
}

/// The drawing in a tag that [`to_img`] made; none in any other.
pub fn from_img(html: &str) -> Option<String> {
    let data = html.strip_prefix("<img ")?.split_once(DATA)?.1.strip_suffix("\">")?;
    let mut parts = data.split('%');
    let mut svg = parts.next()?.to_string();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        svg.push(char::from(u8::from_str_radix(code, 16).ok()?));
        svg += rest;
    }
    Some(svg)
}

/// What a drawing calls itself.
pub fn title(svg: &str) -> &str {
    svg.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap_or("a picture")
}

/// Adds text, to the text before it if that came last.
pub fn push_text(pieces: &mut Vec<Output>, text: &str) {
    match pieces.last_mut() {
        Some(Output::Text(before)) => before.push_str(text),
        _ => pieces.push(Output::Text(text.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_survives_its_tag() {
        let svg = "<svg>\n<title>50 % &amp; more</title><rect fill=\"#fff\"/>\u{2212}1</svg>";
        let img = to_img(svg);
        assert!(img.starts_with("<img alt=\"50 % &amp; more\" src=\"data:image/svg+xml,%3Csvg%3E%0A"), "{img}");
        assert_eq!(from_img(&img).as_deref(), Some(svg));
        assert_eq!(from_img("<table></table>"), None);
        assert_eq!(from_img("<img src=\"data:image/svg+xml,%G0\">"), None);
    }
}
