//! The page: the drawing, and a section for each layer, which a click shows. Nothing is loaded from elsewhere.

use super::graph::Card;
use super::picture::STYLE;
use super::{Drawing, clean, count};
use crate::explain::ReceptiveField;
use crate::log::general;
use crate::show::{memory, shape, thousands};

const PAGE_STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Drawing {
    /// The page: one file of HTML.
    pub fn to_html(&self) -> String {
        let (body, (width, height)) = self.body();
        let title = clean(&self.title);
        let totals: String =
            self.totals().iter().map(|(what, much)| format!("<span><b>{what}</b> {}</span>\n", clean(much))).collect();
        let notes: String = self.notes.iter().map(|note| format!("<p class=\"note\">{}</p>\n", clean(note))).collect();
        let sections: String = (0..self.graph.cards.len()).map(|i| self.section(i)).collect();
        format!(
            r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{STYLE}{PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<div class="totals">
{totals}</div>
{notes}<div class="tools">
<input type="search" id="search" placeholder="Search layers (/)" aria-label="Search layers" autocomplete="off">
<output id="found"></output>
<button id="in" title="Enlarge (+)" aria-label="Enlarge">+</button>
<button id="out" title="Shrink (-)" aria-label="Shrink">&#8722;</button>
<button id="whole" title="The whole net (0)">Fit</button>
<button id="theme" title="Light or dark (d)" aria-label="Light or dark">&#9680;</button>
</div>
</header>
<main>
<svg id="view" role="group" aria-label="The net" data-width="{width:.0}" data-height="{height:.0}"><g id="net">
{body}</g></svg>
<aside id="panel" hidden>
<button id="close" title="Close (Esc)" aria-label="Close">&#215;</button>
{sections}</aside>
</main>
<script>
{SCRIPT}</script>
</body>
</html>
"#
        )
    }

    /// What is told of a layer.
    fn section(&self, i: usize) -> String {
        let card = &self.graph.cards[i];
        let name = clean(&card.name);
        let mut html = format!(
            "<section id=\"card-{i}\" data-name=\"{name}\" data-kind=\"{kind}\" hidden>\n<h2>{name}</h2>\n<p class=\"kind\">{kind}</p>\n\
             <table>\n",
            kind = clean(&card.kind)
        );
        for (blob, dims, maker) in &card.bottoms {
            let blob = match maker {
                Some(maker) => format!("<button class=\"go\" data-go=\"{maker}\">{}</button>", clean(blob)),
                None => clean(blob),
            };
            html += &format!("<tr><th>bottom</th><td>{blob}</td><td>{}</td></tr>\n", shape(dims));
        }
        for (blob, dims) in &card.tops {
            html += &format!("<tr><th>top</th><td>{}</td><td>{}</td></tr>\n", clean(blob), shape(dims));
        }
        for (k, (dims, shared)) in card.params.iter().enumerate() {
            let shared = if *shared { " (shared)" } else { "" };
            html +=
                &format!("<tr><th>parameter {k}</th><td>{}{shared}</td><td>{}</td></tr>\n", values(dims), shape(dims));
        }
        html += "</table>\n<dl>\n";
        for (what, much) in self.facts(card) {
            html += &format!("<dt>{what}</dt><dd>{}</dd>\n", clean(&much));
        }
        html + &format!("</dl>\n<pre>{}</pre>\n</section>\n", clean(&card.prototxt()))
    }

    fn facts(&self, card: &Card) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        if !card.params.is_empty() {
            let n = card.param_count();
            facts.push(("parameters", format!("{}, {}", thousands(n), memory(4 * n as u64))));
        }
        if card.multiply_adds > 0 {
            facts.push(("multiply-adds", self.each(card.multiply_adds)));
        }
        if !card.fields.is_empty() {
            facts.push(("receptive field", along(&card.fields, |f| f.size)));
            facts.push(("stride in the input", along(&card.fields, |f| f.step)));
        }
        facts
    }
}

/// How many values a shape holds.
fn values(dims: &[usize]) -> String {
    let n: usize = dims.iter().product();
    if n == 1 { "1 value".into() } else { format!("{} values", count(n as u64)) }
}

fn along(fields: &[ReceptiveField], of: fn(&ReceptiveField) -> f64) -> String {
    fields.iter().map(|field| general(of(field), 6)).collect::<Vec<_>>().join(" x ")
}
