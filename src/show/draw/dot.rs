//! The graph in Graphviz's language.

use super::graph::Card;
use super::picture::{kind_line, shapes};
use super::{Direction, Drawing, shorten};

impl Drawing {
    /// The graph for Graphviz: `dot -Tpng`.
    pub fn to_dot(&self) -> String {
        let direction = match self.direction {
            Direction::TB => "TB",
            Direction::BT => "BT",
            Direction::LR => "LR",
            Direction::RL => "RL",
        };
        let mut dot = format!(
            "digraph {} {{\n  rankdir={direction};\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#faf9f6\", \
             fontname=\"Helvetica\"];\n",
            quoted(&self.title)
        );
        for (i, cards) in self.graph.boxes.iter().enumerate() {
            let cards: Vec<&Card> = cards.iter().map(|&c| &self.graph.cards[c]).collect();
            let own = |card: &&Card| format!("{}\n{}", shorten(&card.name), kind_line(card));
            let mut label: Vec<String> = cards.first().map(own).into_iter().collect();
            label.extend(cards.iter().skip(1).map(|card| format!("{} ({})", shorten(&card.name), card.kind)));
            label.extend(cards.first().map(|card| shapes(card)).filter(|s| !s.is_empty()));
            dot += &format!("  n{i} [label={}];\n", quoted(&label.join("\n")));
        }
        for line in &self.graph.lines {
            dot += &format!("  n{} -> n{} [label={}];\n", line.from, line.to, quoted(&shorten(&line.blob)));
        }
        dot + "}\n"
    }
}

/// A string of Graphviz's: quotes and backslashes escaped, line ends as \n.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{}\"", escaped.replace(|c: char| c.is_control(), "\u{fffd}"))
}
