// What a person does on the page that `cortado draw` writes; the page becomes the list of what did not work.
addEventListener('load', () => {
  const failed = [];
  const check = (what, holds) => { if (!holds) failed.push(what); };
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const click = (shape) => shape.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  const key = (name, at = document.body) =>
    at.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
  const finger = (what, id, x, y) =>
    $('#view').dispatchEvent(new PointerEvent(what, { pointerId: id, clientX: x, clientY: y, bubbles: true }));
  const find = (words) => {
    $('#search').value = words;
    $('#search').dispatchEvent(new Event('input'));
  };
  const place = () => $('#net').getAttribute('transform');
  const scale = () => +place().match(/scale\(([^)]+)/)[1];
  const moves = (what, act) => {
    const before = place();
    act();
    check(what, place() !== before);
  };

  check('the panel is closed at first', $('#panel').hidden);
  click($('[data-card="3"]'));
  check('a click opens one section', all('section:not([hidden])').length === 1 && !$('#card-3').hidden);
  check('the address names the layer', decodeURIComponent(location.hash.slice(1)) === $('#card-3').dataset.name);
  click($('#card-3 .go'));
  check('a bottom leads to its maker', $('#card-3').hidden && !$('#panel').hidden);
  key('Escape');
  check('Escape closes', $('#panel').hidden);

  moves('arrows', () => key('ArrowDown'));
  moves('plus', () => key('+'));
  moves('the wheel', () => $('#view').dispatchEvent(new WheelEvent('wheel', { deltaY: 100, clientX: 200, clientY: 300, cancelable: true })));
  moves('a drag', () => { finger('pointerdown', 1, 300, 300); finger('pointermove', 1, 340, 330); finger('pointerup', 1, 340, 330); });
  click($('[data-card="0"]'));
  check('a drag is no click', $('#panel').hidden);
  const before = scale();
  finger('pointerdown', 1, 300, 300);
  finger('pointerdown', 2, 400, 300);
  finger('pointermove', 2, 500, 300);
  check('two fingers enlarge', scale() > 1.9 * before);
  finger('pointerup', 1, 300, 300);
  finger('pointerup', 2, 500, 300);

  find('conv');
  check('the search marks and jumps', all('.found').length > 1 && $('.chosen') && $('#found').textContent.startsWith('1 of '));
  const first = $('.chosen');
  key('Enter', $('#search'));
  check('Enter goes on', $('.chosen') !== first);
  find('no such layer');
  check('nothing is found', !$('.found') && $('#found').textContent === '0 found');
  key('Escape', $('#search'));
  check('Escape ends the search', !$('.searching'));

  const colour = () => getComputedStyle(document.body).backgroundColor;
  const light = colour();
  click($('#theme'));
  check('dark', colour() !== light);
  key('d');
  check('light again', colour() === light);
  key('0');
  const [net, view] = [$('#net'), $('#view')].map((part) => part.getBoundingClientRect());
  check('the whole net fits', net.width <= view.width + 1 && net.height <= view.height + 1);
  key('Enter', $('.chip'));
  check('a key opens a chip', $('.chosen') === $('.chip'));
  check('nothing is wider than the window', document.documentElement.scrollWidth <= innerWidth);
  document.body.innerHTML = `<pre>failed: [${failed.join(', ')}]</pre>`;
});
