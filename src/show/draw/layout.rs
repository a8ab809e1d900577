//! Where the boxes of a graph go: in ranks, as Sugiyama, Tagawa and Toda (1981) draw it.
//!
//! 1. A box's rank is the longest way to it from a box without predecessors.
//! 2. A line that skips ranks gets a bend in each of them, so that it goes around the boxes there.
//! 3. Each rank is sorted by the mean place of its neighbours in the rank before, then in the rank behind, a few times: fewer
//!    lines cross.
//! 4. Boxes and bends are joined to columns, so that most lines are straight (after Brandes and Köpf 2001). Each column moves
//!    towards its neighbours as far as the order and the gaps allow.

use std::collections::BTreeMap;

/// Between boxes of a rank, and between ranks.
const GAP: f32 = 22.0;
const RANK_GAP: f32 = 38.0;
/// The sweeps that sort, and those that move.
const SORTS: usize = 6;
const MOVES: usize = 8;
/// The most bends; the lines beyond run straight through the ranks that they skip.
const MAX_BENDS: usize = 60_000;

/// Where the graph's data flow to, as Graphviz calls it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Down.
    #[default]
    TB,
    /// Up.
    BT,
    /// To the right.
    LR,
    /// To the left.
    RL,
}

/// Places in pixels.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub size: (f32, f32),
    /// The middle of each box.
    pub boxes: Vec<(f32, f32)>,
    /// For each line, the ends of its straight parts; curves join them.
    pub lines: Vec<Vec<[(f32, f32); 2]>>,
}

/// A box, or a bend of a line.
struct Item {
    rank: usize,
    /// Its extent across the flow, and its middle there.
    width: f32,
    x: f32,
    is_bend: bool,
    before: Vec<usize>,
    behind: Vec<usize>,
}

/// Lays out boxes of the given sizes; each line runs from a box to one of a higher number.
pub(super) fn layout(sizes: &[(f32, f32)], lines: &[(usize, usize)], direction: Direction) -> Layout {
    let turned = matches!(direction, Direction::LR | Direction::RL);
    let turn = |(x, y): (f32, f32)| if turned { (y, x) } else { (x, y) };
    let sizes: Vec<(f32, f32)> = sizes.iter().map(|&size| turn(size)).collect();
    let ranks = ranks(sizes.len(), lines);
    let (mut items, chains) = items(&sizes, lines, &ranks);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); ranks.iter().max().map_or(0, |r| r + 1)];
    (0..items.len()).for_each(|i| rows[items[i].rank].push(i));
    sort(&mut rows, &items);
    place(&rows, &mut items);

    // From rank to rank along the flow: each rank is as high as its highest box.
    let mut tops = vec![0.0f32; rows.len()];
    let mut heights = vec![0.0f32; rows.len()];
    ranks.iter().zip(&sizes).for_each(|(&r, size)| heights[r] = heights[r].max(size.1));
    for r in 1..rows.len() {
        tops[r] = tops[r - 1] + heights[r - 1] + RANK_GAP;
    }
    let left = items.iter().map(|i| i.x - i.width / 2.0).fold(f32::INFINITY, f32::min);
    let left = if left.is_finite() { left } else { 0.0 };
    let width = items.iter().map(|i| i.x - left + i.width / 2.0).fold(0.0, f32::max);
    let height = tops.last().zip(heights.last()).map_or(0.0, |(top, height)| top + height);
    let back = matches!(direction, Direction::BT | Direction::RL);
    let at = |x: f32, y: f32| turn((x - left, if back { height - y } else { y }));

    let middle = |i: usize| tops[items[i].rank] + heights[items[i].rank] / 2.0;
    let rank_of = |i: usize| (tops[items[i].rank], tops[items[i].rank] + heights[items[i].rank]);
    let line = |chain: &Vec<usize>| {
        let last = chain.len() - 1;
        let part = |(k, &i): (usize, &usize)| {
            let (mut from, mut to) = rank_of(i);
            if k == 0 {
                from = middle(i) + sizes[i].1 / 2.0;
            } else if k == last {
                to = middle(i) - sizes[i].1 / 2.0;
            }
            [at(items[i].x, from), at(items[i].x, to)]
        };
        chain.iter().enumerate().map(part).collect()
    };
    Layout {
        size: turn((width, height)),
        boxes: (0..sizes.len()).map(|i| at(items[i].x, middle(i))).collect(),
        lines: chains.iter().map(line).collect(),
    }
}

/// The longest way to each box; one without predecessors moves up to the first that it leads to.
fn ranks(boxes: usize, lines: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; boxes];
    let (mut is_source, mut next) = (vec![true; boxes], vec![usize::MAX; boxes]);
    let mut sorted = lines.to_vec();
    sorted.sort_unstable();
    for &(from, to) in &sorted {
        ranks[to] = ranks[to].max(ranks[from] + 1);
        is_source[to] = false;
    }
    for &(from, to) in &sorted {
        next[from] = next[from].min(ranks[to]);
    }
    for i in (0..boxes).filter(|&i| is_source[i] && next[i] != usize::MAX) {
        ranks[i] = next[i] - 1;
    }
    ranks
}

/// The boxes, then the bends; and for each line the items that it runs through.
fn items(sizes: &[(f32, f32)], lines: &[(usize, usize)], ranks: &[usize]) -> (Vec<Item>, Vec<Vec<usize>>) {
    let item = |rank, width, is_bend| Item { rank, width, x: 0.0, is_bend, before: Vec::new(), behind: Vec::new() };
    let mut items: Vec<Item> = sizes.iter().zip(ranks).map(|(size, &rank)| item(rank, size.0, false)).collect();
    let mut chains = Vec::with_capacity(lines.len());
    for &(from, to) in lines {
        let mut chain = vec![from];
        let skipped = ranks[from] + 1..ranks[to];
        if items.len() + skipped.len() <= sizes.len() + MAX_BENDS {
            for rank in skipped {
                chain.push(items.len());
                items.push(item(rank, 6.0, true));
            }
        }
        chain.push(to);
        for pair in chain.windows(2) {
            items[pair[0]].behind.push(pair[1]);
            items[pair[1]].before.push(pair[0]);
        }
        chains.push(chain);
    }
    (items, chains)
}

/// Sorts each rank by the mean place of its neighbours.
fn sort(rows: &mut [Vec<usize>], items: &[Item]) {
    let mut place = vec![0.0f32; items.len()];
    let number = |row: &[usize], place: &mut [f32]| {
        row.iter().enumerate().for_each(|(k, &i)| place[i] = (k as f32 + 0.5) / row.len() as f32);
    };
    rows.iter().for_each(|row| number(row, &mut place));
    for sweep in 0..SORTS {
        let down = sweep % 2 == 0;
        for r in 0..rows.len() {
            let row = if down {
                &mut rows[r]
            } else {
                let last = rows.len() - 1;
                &mut rows[last - r]
            };
            let mut keyed: Vec<(f32, usize)> = row
                .iter()
                .map(|&i| (mean(if down { &items[i].before } else { &items[i].behind }, &place).unwrap_or(place[i]), i))
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *row = keyed.into_iter().map(|(_, i)| i).collect();
            number(row, &mut place);
        }
    }
}

fn mean(of: &[usize], values: &[f32]) -> Option<f32> {
    (!of.is_empty()).then(|| of.iter().map(|&i| values[i]).sum::<f32>() / of.len() as f32)
}

/// Joins items to columns, packs the columns to the left and to the right, and moves each from the middle of the two towards
/// its neighbours.
fn place(rows: &[Vec<usize>], items: &mut [Item]) {
    let (column, count) = columns(rows, items);
    // What must stand apart: the columns of neighbours in a rank, and how far.
    let mut apart = Vec::new();
    for row in rows {
        let gap = |pair: &[usize]| (items[pair[0]].width + items[pair[1]].width) / 2.0 + GAP;
        apart.extend(row.windows(2).map(|pair| (column[pair[0]], column[pair[1]], gap(pair))));
    }
    let left = pack(count, &apart);
    let mirrored: Vec<(usize, usize, f32)> = apart.iter().map(|&(a, b, gap)| (b, a, gap)).collect();
    let right = pack(count, &mirrored);
    let width = left.iter().copied().fold(0.0, f32::max);
    let mut x: Vec<f32> = left.iter().zip(&right).map(|(left, right)| (left + width - right) / 2.0).collect();

    let (mut at_left, mut at_right) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for &(a, b, gap) in &apart {
        at_left[b].push((a, gap));
        at_right[a].push((b, gap));
    }
    let mut near = vec![Vec::new(); count];
    for (i, item) in items.iter().enumerate() {
        let others = item.before.iter().chain(&item.behind).map(|&j| column[j]).filter(|&other| other != column[i]);
        near[column[i]].extend(others);
    }
    for sweep in 0..MOVES {
        for k in 0..count {
            let c = if sweep % 2 == 0 { k } else { count - 1 - k };
            let Some(wanted) = mean(&near[c], &x) else { continue };
            let least = at_left[c].iter().map(|&(a, gap)| x[a] + gap).fold(f32::NEG_INFINITY, f32::max);
            let most = at_right[c].iter().map(|&(b, gap)| x[b] - gap).fold(f32::INFINITY, f32::min);
            x[c] = wanted.max(least).min(most.max(least));
        }
    }
    items.iter_mut().zip(column).for_each(|(item, c)| item.x = x[c]);
}

/// The column of each item, and how many there are. A line from one rank to the next is straight, and joins its ends to one
/// column, unless it crosses a straight one or shares an end with it. Lines between bends come first, then those between the
/// middle ones of their ends' lines.
fn columns(rows: &[Vec<usize>], items: &[Item]) -> (Vec<usize>, usize) {
    let mut place = vec![0; items.len()];
    rows.iter().for_each(|row| row.iter().enumerate().for_each(|(k, &i)| place[i] = k));
    let mut aside: BTreeMap<(usize, usize), usize> = BTreeMap::new(); // for each line, how far it is from the middle ones
    for (i, item) in items.iter().enumerate() {
        for (others, is_before) in [(&item.before, true), (&item.behind, false)] {
            let mut others = others.clone();
            others.sort_by_key(|&other| place[other]);
            for (k, &other) in others.iter().enumerate() {
                let line = if is_before { (other, i) } else { (i, other) };
                *aside.entry(line).or_default() += (2 * k + 1).abs_diff(others.len());
            }
        }
    }
    let mut lines: Vec<Vec<(bool, usize, usize, usize)>> = vec![Vec::new(); rows.len()];
    for (&(from, to), &aside) in aside.iter().filter(|((from, to), _)| items[*from].rank + 1 == items[*to].rank) {
        lines[items[to].rank].push((!(items[from].is_bend && items[to].is_bend), aside, from, to));
    }
    let mut above: Vec<Option<usize>> = vec![None; items.len()];
    for lines in &mut lines {
        let mut straight: BTreeMap<usize, usize> = BTreeMap::new(); // places before, and here
        lines.sort_by_key(|&(kind, aside, from, to)| (kind, aside, place[from], place[to]));
        for &(_, _, from, to) in &*lines {
            let left = straight.range(..place[from]).next_back().is_none_or(|(_, &here)| here < place[to]);
            let right = straight.range(place[from]..).next();
            if left && right.is_none_or(|(&there, &here)| there > place[from] && here > place[to]) {
                straight.insert(place[from], place[to]);
                above[to] = Some(from);
            }
        }
    }
    let (mut column, mut count) = (vec![0; items.len()], 0);
    for &i in rows.iter().flatten() {
        column[i] = above[i].map_or(count, |b| column[b]);
        count += usize::from(above[i].is_none());
    }
    (column, count)
}

/// The least place of each column, from 0 on, at which the second of each pair is so far behind the first.
fn pack(count: usize, apart: &[(usize, usize, f32)]) -> Vec<f32> {
    let (mut waits, mut behind) = (vec![0; count], vec![Vec::new(); count]);
    for &(a, b, gap) in apart {
        waits[b] += 1;
        behind[a].push((b, gap));
    }
    let mut x = vec![0.0f32; count];
    let mut ready: Vec<usize> = (0..count).filter(|&c| waits[c] == 0).collect();
    while let Some(a) = ready.pop() {
        for &(b, gap) in &behind[a] {
            x[b] = x[b].max(x[a] + gap);
            waits[b] -= 1;
            if waits[b] == 0 {
                ready.push(b);
            }
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(a: ((f32, f32), (f32, f32)), b: ((f32, f32), (f32, f32))) -> bool {
        let apart = |p: f32, q: f32, w: f32, v: f32| (p - q).abs() >= (w + v) / 2.0 - 0.01;
        !(apart(a.0.0, b.0.0, a.1.0, b.1.0) || apart(a.0.1, b.0.1, a.1.1, b.1.1))
    }

    /// A diamond with a line that skips it.
    const LINES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4)];

    #[test]
    fn boxes_do_not_overlap_and_lines_go_with_the_flow() {
        let sizes = [(100.0, 40.0), (80.0, 20.0), (120.0, 60.0), (50.0, 40.0), (90.0, 40.0)];
        for direction in [Direction::TB, Direction::BT, Direction::LR, Direction::RL] {
            let laid = layout(&sizes, &LINES, direction);
            for a in 0..5 {
                let (x, y) = laid.boxes[a];
                assert!(x - sizes[a].0 / 2.0 >= -0.01 && x + sizes[a].0 / 2.0 <= laid.size.0 + 0.01, "{direction:?}");
                assert!(y - sizes[a].1 / 2.0 >= -0.01 && y + sizes[a].1 / 2.0 <= laid.size.1 + 0.01, "{direction:?}");
                for b in 0..a {
                    assert!(!overlap((laid.boxes[a], sizes[a]), (laid.boxes[b], sizes[b])), "{direction:?}: {a}, {b}");
                }
            }
            for &(from, to) in &LINES {
                let (a, b) = (laid.boxes[from], laid.boxes[to]);
                let forward = match direction {
                    Direction::TB => b.1 - a.1,
                    Direction::BT => a.1 - b.1,
                    Direction::LR => b.0 - a.0,
                    Direction::RL => a.0 - b.0,
                };
                assert!(forward > 0.0, "{direction:?}: {from} to {to}");
            }
        }
    }

    #[test]
    fn a_line_that_skips_ranks_goes_around_the_boxes() {
        let sizes = [(100.0, 40.0); 5];
        let laid = layout(&sizes, &LINES, Direction::TB);
        let skips = laid.lines.last().unwrap();
        assert_eq!(skips.len(), 4); // the start, two bends, the end
        for [(x, _), _] in &skips[1..3] {
            assert!((1..4).all(|i| (laid.boxes[i].0 - x).abs() > 50.0 || laid.boxes[i].1 < skips[1][0].1));
        }
    }

    #[test]
    fn a_chain_is_straight_and_crossed_pairs_are_uncrossed() {
        let laid = layout(&[(60.0, 20.0), (100.0, 20.0), (80.0, 20.0)], &[(0, 1), (1, 2)], Direction::TB);
        assert!(laid.boxes.iter().all(|b| (b.0 - 50.0).abs() < 0.01), "{:?}", laid.boxes);
        // 0 leads to 3 and 1 to 2: one pair changes places.
        let laid = layout(&[(50.0, 20.0); 4], &[(0, 3), (1, 2)], Direction::TB);
        assert_eq!(laid.boxes[0].0 < laid.boxes[1].0, laid.boxes[3].0 < laid.boxes[2].0);
    }

    #[test]
    fn a_source_stands_near_its_reader_and_nothing_is_nothing() {
        let laid = layout(&[(50.0, 20.0); 5], &[(0, 1), (1, 2), (2, 4), (3, 4)], Direction::TB);
        assert_eq!(laid.boxes[3].1, laid.boxes[2].1);
        assert_eq!(layout(&[], &[], Direction::TB).size, (0.0, 0.0));
        // More bends than are drawn.
        let (boxes, mut lines) = (900, Vec::new());
        (0..boxes - 1).for_each(|i| lines.extend([(i, i + 1), (0, i + 1)]));
        let laid = layout(&vec![(50.0, 20.0); boxes], &lines, Direction::TB);
        assert!(laid.boxes.iter().all(|b| b.0.is_finite() && b.1.is_finite()));
    }
}
