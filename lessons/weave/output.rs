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

/// Adds text, to the text before it if that came last.
pub fn push_text(pieces: &mut Vec<Output>, text: &str) {
    match pieces.last_mut() {
        Some(Output::Text(before)) => before.push_str(text),
        _ => pieces.push(Output::Text(text.to_string())),
    }
}
