//! The graph as SVG: of itself, and within the page.

use super::graph::Card;
use super::layout::{Layout, layout};
use super::{Direction, Drawing, clean, shorten};
use crate::proto::pooling_parameter::PoolMethod;
use crate::show::shape;
use crate::show::svg::{FONT, fit, text_width};

/// Colours and outlines of boxes and lines, for light and dark.
pub(super) const STYLE: &str = include_str!("drawing.css");

const NAME: f32 = 13.0;
const SMALL: f32 = 11.0;
/// The most that a box's words take, and the space around them.
const WORDS: f32 = 220.0;
const PADDING: f32 = 10.0;
/// The height of a chip, and between chips.
const CHIP: f32 = 18.0;
const CHIP_GAP: f32 = 4.0;
const MARGIN: f32 = 20.0;

/// The colours' names, and the types that have them; other types are grey.
const FAMILIES: &[(&str, &[&str])] = &[
    (
        "data",
        &["Data", "Input", "DummyData", "HDF5Data", "ImageData", "MemoryData", "WindowData", "Parameter", "HDF5Output"],
    ),
    ("weights", &["Convolution", "Deconvolution", "InnerProduct", "Embed", "RNN", "LSTM"]),
    ("pooling", &["Pooling", "SPP", "Reduction"]),
    ("norm", &["LRN", "BatchNorm", "MVN", "Scale", "Bias"]),
    (
        "activation",
        &[
            "ReLU",
            "PReLU",
            "ELU",
            "Sigmoid",
            "TanH",
            "Swish",
            "BNLL",
            "AbsVal",
            "Power",
            "Exp",
            "Log",
            "Threshold",
            "Clip",
            "Dropout",
            "Softmax",
        ],
    ),
    ("joint", &["Concat", "Eltwise", "Slice"]),
];

/// The box of a layer: its lines of words, and the chips of those in place.
struct Words {
    lines: Vec<String>,
    chips: Vec<(usize, String, f32)>,
    size: (f32, f32),
}

impl Drawing {
    /// The graph as an SVG that follows the page's light or dark scheme.
    pub fn to_svg(&self) -> String {
        let (body, (width, height)) = self.body();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.1} \
             {height:.1}\" font-family=\"{FONT}\" role=\"img\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n\
             <rect class=\"paper\" width=\"100%\" height=\"100%\" fill=\"#faf9f6\"/>\n{body}</svg>\n",
            clean(&self.title)
        )
    }

    /// The lines and boxes, and the size that they take.
    pub(super) fn body(&self) -> (String, (f32, f32)) {
        let words: Vec<Words> = self.graph.boxes.iter().map(|cards| self.words(cards)).collect();
        let sizes: Vec<(f32, f32)> = words.iter().map(|w| w.size).collect();
        let ends: Vec<(usize, usize)> = self.graph.lines.iter().map(|line| (line.from, line.to)).collect();
        let laid = layout(&sizes, &ends, self.direction);
        let mut svg = String::from(
            "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" \
             orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\" fill=\"#77746c\"/></marker></defs>\n",
        );
        svg += &format!("<g transform=\"translate({MARGIN} {MARGIN})\">\n");
        self.draw_lines(&laid, &mut svg);
        for ((cards, words), &at) in self.graph.boxes.iter().zip(&words).zip(&laid.boxes) {
            self.draw_box(cards, words, at, &mut svg);
        }
        svg += "</g>\n";
        (svg, (laid.size.0 + 2.0 * MARGIN, laid.size.1 + 2.0 * MARGIN))
    }

    fn draw_lines(&self, laid: &Layout, svg: &mut String) {
        let turned = matches!(self.direction, Direction::LR | Direction::RL);
        for (line, parts) in self.graph.lines.iter().zip(&laid.lines) {
            let mut path = String::new();
            let mut last: Option<(f32, f32)> = None;
            for &[(x, y), (to_x, to_y)] in parts {
                match last {
                    None => path += &format!("M{x:.1} {y:.1}"),
                    Some((a, b)) if turned => {
                        let middle = (a + x) / 2.0;
                        path += &format!("C{middle:.1} {b:.1} {middle:.1} {y:.1} {x:.1} {y:.1}");
                    }
                    Some((a, b)) => {
                        let middle = (b + y) / 2.0;
                        path += &format!("C{a:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}");
                    }
                }
                // The arrow's head turns with the last piece, which must have a length.
                if (to_x - x).abs() + (to_y - y).abs() > 0.1 {
                    path += &format!("L{to_x:.1} {to_y:.1}");
                }
                last = Some((to_x, to_y));
            }
            *svg += &format!(
                "<path class=\"line\" data-from=\"{}\" data-to=\"{}\" d=\"{path}\" fill=\"none\" stroke=\"#77746c\" \
                 marker-end=\"url(#arrow)\"><title>{}: {}</title></path>\n",
                line.from,
                line.to,
                clean(&shorten(&line.blob)),
                shape(&line.shape)
            );
        }
    }

    fn draw_box(&self, cards: &[usize], words: &Words, (x, y): (f32, f32), svg: &mut String) {
        let Some(card) = cards.first().map(|&c| &self.graph.cards[c]) else { return };
        let (width, height) = words.size;
        let (left, top) = (x - width / 2.0, y - height / 2.0);
        *svg += &format!(
            "<g class=\"box {}\" data-card=\"{}\" transform=\"translate({left:.1} {top:.1})\" tabindex=\"0\" role=\"button\">\
             <title>{} ({})</title><rect width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\" fill=\"#ffffff\" stroke=\"#77746c\"/>",
            family(&card.kind),
            cards[0],
            clean(&shorten(&card.name)),
            clean(&shorten(&card.kind))
        );
        let mut baseline = PADDING + NAME - 2.0;
        for (i, line) in words.lines.iter().enumerate() {
            let (class, size) = if i == 0 { ("name", NAME) } else { ("small", SMALL) };
            *svg += &format!(
                "<text class=\"{class}\" x=\"{:.1}\" y=\"{baseline:.1}\" font-size=\"{size}\" text-anchor=\"middle\" \
                 fill=\"#333333\">{}</text>",
                width / 2.0,
                clean(line)
            );
            baseline += SMALL + 4.0;
        }
        let row: f32 = words.chips.iter().map(|chip| chip.2 + CHIP_GAP).sum();
        let (mut x, y) = ((width - row + CHIP_GAP) / 2.0, height - CHIP - 6.0);
        for (c, text, wide) in &words.chips {
            let chip = &self.graph.cards[*c];
            *svg += &format!(
                "<g class=\"chip {}\" data-card=\"{c}\" transform=\"translate({x:.1} {y:.1})\" tabindex=\"0\" role=\"button\">\
                 <title>{} ({})</title><rect width=\"{wide:.1}\" height=\"{CHIP}\" rx=\"9\" fill=\"#ffffff\" stroke=\"#77746c\"/>\
                 <text x=\"{:.1}\" y=\"{}\" font-size=\"{SMALL}\" text-anchor=\"middle\" fill=\"#333333\">{}</text></g>",
                family(&chip.kind),
                clean(&shorten(&chip.name)),
                clean(&shorten(&chip.kind)),
                wide / 2.0,
                CHIP / 2.0 + 4.0,
                clean(text)
            );
            x += wide + CHIP_GAP;
        }
        *svg += "</g>\n";
    }

    fn words(&self, cards: &[usize]) -> Words {
        let Some((card, chips)) = cards.split_first() else {
            return Words { lines: Vec::new(), chips: Vec::new(), size: (0.0, 0.0) };
        };
        let card = &self.graph.cards[*card];
        let lines = vec![
            fit(&shorten(&card.name), 1.08 * NAME, WORDS),
            fit(&kind_line(card), SMALL, WORDS),
            fit(&shapes(card), SMALL, WORDS),
        ];
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        let chip = |&c: &usize| {
            let text = fit(&shorten(&self.graph.cards[c].kind), SMALL, 110.0);
            let width = text_width(&text, SMALL) + 14.0;
            (c, text, width)
        };
        let chips: Vec<(usize, String, f32)> = chips.iter().map(chip).collect();
        let row = chips.iter().map(|c| c.2 + CHIP_GAP).sum::<f32>() - CHIP_GAP;
        let widest = lines.iter().enumerate().map(|(i, l)| text_width(l, if i == 0 { 1.08 * NAME } else { SMALL }));
        let width = widest.fold(if chips.is_empty() { 60.0 } else { row.max(60.0) }, f32::max) + 2.0 * PADDING;
        let height = 2.0 * PADDING + NAME + (SMALL + 4.0) * (lines.len() as f32 - 1.0) - 2.0;
        Words { lines, size: (width, height + if chips.is_empty() { 0.0 } else { CHIP + 4.0 }), chips }
    }
}

/// The colour's name of a type.
fn family(kind: &str) -> &'static str {
    let is_one = |(_, kinds): &&(&str, &[&str])| kinds.contains(&kind);
    let family = FAMILIES.iter().find(is_one).map(|(name, _)| *name);
    family.unwrap_or(if kind.ends_with("Loss") || kind == "Accuracy" { "loss" } else { "other" })
}

/// The type, with its window where it has one: `Convolution 7 x 7, stride 2`.
pub(super) fn kind_line(card: &Card) -> String {
    let kind = shorten(&card.kind);
    let window = |kernel: String, stride: Option<u32>| match stride {
        Some(s) if s > 1 => format!(" {kernel}, stride {s}"),
        _ => format!(" {kernel}"),
    };
    if let (Some(p), Some((weights, _))) = (&card.param.convolution_param, card.params.first())
        && weights.len() > 2
    {
        return kind + &window(shape(&weights[2..]), p.stride.first().copied().or(p.stride_h));
    }
    match card.param.pooling_param {
        Some(p) if card.kind == "Pooling" => {
            let method = match p.pool() {
                PoolMethod::Max => "MAX",
                PoolMethod::Ave => "AVE",
                PoolMethod::Stochastic => "STOCHASTIC",
            };
            let kernel = match (p.kernel_size, p.kernel_h, p.kernel_w) {
                _ if p.global_pooling() => "of the whole plane".into(),
                (Some(k), _, _) => format!("{k} x {k}"),
                (_, h, w) => format!("{} x {}", h.unwrap_or(1), w.unwrap_or(1)),
            };
            format!("{kind} {method}{}", window(kernel, p.stride.or(p.stride_h)))
        }
        _ => kind,
    }
}

/// The shapes of the tops.
pub(super) fn shapes(card: &Card) -> String {
    let shapes: Vec<String> = card.tops.iter().take(4).map(|(_, dims)| shape(dims)).collect();
    let more = if card.tops.len() > 4 { ", .." } else { "" };
    shapes.join(", ") + more
}
