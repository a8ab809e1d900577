'use strict';
const $ = (selector) => document.querySelector(selector);
const $$ = (selector) => [...document.querySelectorAll(selector)];
const view = $('#view'), net = $('#net'), panel = $('#panel'), search = $('#search'), found = $('#found');
const size = { x: +view.dataset.width, y: +view.dataset.height };
const shapes = new Map($$('[data-card]').map((shape) => [shape.dataset.card, shape]));
const sections = $$('section');
const names = sections.map((s) => (s.dataset.name + ' ' + s.dataset.kind).toLowerCase());

// The view: the net at a scale, its corner at (x, y) on the screen.
const at = { x: 0, y: 0, scale: 1 };
const show = () => net.setAttribute('transform', `translate(${at.x} ${at.y}) scale(${at.scale})`);
const middle = () => ({ x: view.clientWidth / 2, y: view.clientHeight / 2 });

function pan(dx, dy) {
  at.x += dx;
  at.y += dy;
  show();
}

function zoom(factor, around = middle()) {
  const scale = Math.min(6, Math.max(0.01, at.scale * factor));
  at.x = around.x - (around.x - at.x) * scale / at.scale;
  at.y = around.y - (around.y - at.y) * scale / at.scale;
  at.scale = scale;
  show();
}

// The whole net; or, at first, words that can be read, from the first layer on.
function fit(whole) {
  const room = [view.clientWidth, view.clientHeight];
  const all = Math.min(room[0] / size.x, room[1] / size.y);
  Object.assign(at, { x: 0, y: 0, scale: whole ? Math.min(all, 1.5) : Math.min(1.2, Math.max(all, 0.75)) });
  show();
  const first = place(shapes.get('0'));
  const corner = (room, length, first) => length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, room / 2 - first));
  at.x = corner(room[0], size.x * at.scale, first.x);
  at.y = corner(room[1], size.y * at.scale, first.y);
  show();
}

// The middle of a box in the view.
function place(shape) {
  if (!shape) return { x: 0, y: 0 };
  const box = shape.getBoundingClientRect(), screen = view.getBoundingClientRect();
  return { x: box.left + box.width / 2 - screen.left, y: box.top + box.height / 2 - screen.top };
}

function bring(shape) {
  const now = place(shape), to = middle();
  pan(to.x - now.x, to.y - now.y);
}

// The panel. What is in the middle of the view stays there when the panel takes a part of it.
function turn(hidden) {
  const before = middle();
  panel.hidden = hidden;
  const after = middle();
  pan(after.x - before.x, after.y - before.y);
}

function open(card, jump) {
  const shape = shapes.get(String(card));
  sections.forEach((section, i) => { section.hidden = i !== +card; });
  turn(false);
  panel.scrollTop = 0;
  $$('.chosen').forEach((other) => other.classList.remove('chosen'));
  $$('.near').forEach((line) => line.classList.remove('near'));
  shape.classList.add('chosen');
  const boxes = $$('.box');
  const box = boxes.indexOf(shape.closest('.box'));
  $$(`.line[data-from="${box}"], .line[data-to="${box}"]`).forEach((line) => line.classList.add('near'));
  const { x, y } = place(shape);
  const hidden = x < 0 || y < 0 || x > view.clientWidth || y > view.clientHeight;
  if (jump && at.scale < 0.6) zoom(0.9 / at.scale);
  if (jump || hidden) bring(shape);
  history.replaceState(null, '', '#' + encodeURIComponent(sections[card].dataset.name));
}

function close() {
  turn(true);
  $$('.chosen, .near').forEach((other) => other.classList.remove('chosen', 'near'));
  history.replaceState(null, '', '#');
}

// The search: every word must occur in the name or the type.
let hits = [], hit = -1;
function look() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  hits = words.length ? names.flatMap((name, i) => words.every((w) => name.includes(w)) ? [i] : []) : [];
  hit = -1;
  view.classList.toggle('searching', words.length > 0);
  $$('.found, .holds').forEach((shape) => shape.classList.remove('found', 'holds'));
  for (const i of hits) {
    const shape = shapes.get(String(i));
    shape.classList.add('found');
    shape.closest('.box').classList.add('holds');
  }
  found.textContent = words.length ? `${hits.length} found` : '';
  if (hits.length) next(1);
}

function next(by) {
  if (!hits.length) return;
  hit = (hit + by + hits.length) % hits.length;
  found.textContent = `${hit + 1} of ${hits.length}`;
  open(hits[hit], true);
}

search.addEventListener('input', look);
search.addEventListener('keydown', (e) => {
  if (e.key === 'Enter') next(e.shiftKey ? -1 : 1);
  if (e.key === 'Escape') { search.value = ''; look(); search.blur(); }
  e.stopPropagation();
});

// Mouse and fingers: one drags, two pinch; what hardly moved is a click.
const fingers = new Map();
let moved = 0;
const spot = (e) => {
  const screen = view.getBoundingClientRect();
  return { x: e.clientX - screen.left, y: e.clientY - screen.top };
};
const between = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) });
view.addEventListener('pointerdown', (e) => {
  if (!fingers.size) moved = 0;
  fingers.set(e.pointerId, spot(e));
});
window.addEventListener('pointermove', (e) => {
  if (!fingers.has(e.pointerId)) return;
  const last = fingers.get(e.pointerId), now = spot(e);
  const before = fingers.size === 2 && between([...fingers.values()]);
  fingers.set(e.pointerId, now);
  moved += Math.hypot(now.x - last.x, now.y - last.y);
  if (moved > 4) view.classList.add('dragged');
  if (before) {
    const after = between([...fingers.values()]);
    pan(after.x - before.x, after.y - before.y);
    if (before.apart > 0) zoom(after.apart / before.apart, after);
  } else if (fingers.size === 1) {
    pan(now.x - last.x, now.y - last.y);
  }
});
for (const end of ['pointerup', 'pointercancel']) {
  window.addEventListener(end, (e) => {
    fingers.delete(e.pointerId);
    if (!fingers.size) view.classList.remove('dragged');
  });
}
view.addEventListener('click', (e) => {
  const shape = e.target.closest('[data-card]');
  if (shape && moved <= 4) open(shape.dataset.card);
});
view.addEventListener('wheel', (e) => {
  e.preventDefault();
  if (e.ctrlKey || !e.shiftKey) zoom(Math.exp(-e.deltaY * 0.0015), spot(e));
  else pan(-e.deltaY, 0);
}, { passive: false });

// Keys.
const keys = {
  ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0), ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
  PageUp: () => pan(0, view.clientHeight * 0.8), PageDown: () => pan(0, -view.clientHeight * 0.8),
  '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), 0: () => fit(true), d: theme, Escape: close,
  '/': () => search.focus(),
};
document.addEventListener('keydown', (e) => {
  const shape = e.target.closest && e.target.closest('[data-card]');
  const inPanel = panel.contains(e.target) && e.key !== 'Escape';
  if (e.ctrlKey || e.metaKey || e.altKey || inPanel) return;
  if (shape && (e.key === 'Enter' || e.key === ' ')) open(shape.dataset.card);
  else if (keys[e.key]) keys[e.key]();
  else return;
  e.preventDefault();
});

// Light and dark: the system's until the switch says otherwise.
function theme() {
  const root = document.documentElement.style;
  const dark = root.colorScheme ? root.colorScheme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.colorScheme = dark ? 'light' : 'dark';
}

$('#in').addEventListener('click', () => zoom(1.25));
$('#out').addEventListener('click', () => zoom(0.8));
$('#whole').addEventListener('click', () => fit(true));
$('#theme').addEventListener('click', theme);
$('#close').addEventListener('click', close);
panel.addEventListener('click', (e) => {
  const go = e.target.closest('[data-go]');
  if (go) open(go.dataset.go, true);
});

// A link ends with a layer's name: net.html#conv1.
function linked() {
  let name = '';
  try { name = decodeURIComponent(location.hash.slice(1)); } catch { /* not a name */ }
  const card = sections.findIndex((section) => section.dataset.name === name);
  if (name && card >= 0) open(card, true);
}
window.addEventListener('hashchange', linked);
fit(false);
linked();
