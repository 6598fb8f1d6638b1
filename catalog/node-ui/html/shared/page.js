// The little that a page changes in itself. Text goes in as text, never as markup.

/** A new element: make('td', {className: 'number'}, 'text', other). Properties, not attributes; `data` for data-…. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { data = {}, ...others } = properties;
  Object.assign(element, others);
  Object.assign(element.dataset, data);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** The same for drawings, with attributes. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Sets the text of the element with this id, only if it differs: a live region then speaks of changes alone. */
export function text(id, value) {
  const element = document.getElementById(id);
  if (element.textContent !== value) element.textContent = value;
}

export function shown(id, yes) {
  document.getElementById(id).hidden = !yes;
}

/** Shows a state ({tone, headline, detail}) in the panel that every page has. */
export function state({ tone, headline, detail }) {
  document.getElementById('state').dataset.tone = tone;
  text('headline', headline);
  text('detail', detail);
}

/**
 * Fills <svg class="ring" id="ring" viewBox="0 0 100 100" aria-hidden="true"> with a share from 0 to 1 and a short text
 * in its middle; null leaves it empty. What it says must stand somewhere as text, too.
 */
export function ring(share, label, tone) {
  const svg = document.getElementById('ring');
  if (svg.childElementCount === 0) {
    const round = { cx: 50, cy: 50, r: 44, pathLength: 100 };
    svg.append(draw('circle', round), draw('circle', { ...round, class: 'share' }), draw('text', { x: 50, y: 51 }));
  }
  const [, arc, words] = svg.children;
  svg.dataset.tone = tone;
  // A round cap is drawn even at a length of nothing.
  arc.setAttribute('visibility', share ? 'visible' : 'hidden');
  arc.setAttribute('stroke-dasharray', `${(share ?? 0) * 100} 100`);
  if (words.textContent !== label) words.textContent = label;
}

/** Sets how full the gauge with this id is, from 0 to 1; hides it for null. */
export function gauge(id, share) {
  const element = document.getElementById(id);
  element.hidden = share === null;
  if (share !== null) fill(element, share);
}

/**
 * Fills <tbody id>. Each row is {key, cells}, a cell {text, under, className, title, share}: `under` is a second line,
 * `share` a gauge from 0 to 1. The first cell is the header of its row.
 */
export function table(id, rows) {
  keyed(document.getElementById(id), 'tr', rows, (row, { cells }) => row.replaceChildren(...cells.map(cell)));
}

function cell({ text: words, under = null, className = '', title = '', share = null }, column) {
  const element = make(column === 0 ? 'th' : 'td', { className, title }, words);
  if (column === 0) element.scope = 'row';
  if (under !== null) element.append(make('small', { className: 'under' }, under));
  if (share !== null) {
    const bar = make('span', { className: 'gauge' });
    fill(bar, share);
    element.append(bar);
  }
  return element;
}

/** Fills <ol class="strip" id> with cards {key, figure, lines, title, share}, the newest first. New ones are lit up. */
export function strip(id, cards) {
  keyed(document.getElementById(id), 'li', cards, (item, { figure, lines, title, share }) => {
    item.title = title;
    fill(item, share);
    item.replaceChildren(make('b', {}, figure), ...lines.map((line) => make('span', {}, line)));
  });
}

/**
 * Makes the children of `parent` those that `items` ask for: each stays the element it is while its key does, so that
 * neither the scroll position nor a selection is lost, and is written anew only when what it says differs. Those that come
 * later than the first ones are marked as fresh.
 */
function keyed(parent, tag, items, write) {
  const before = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  const after = items.map((item) => {
    const key = String(item.key);
    const element = before.get(key) ?? make(tag, { className: before.size > 0 ? 'fresh' : '', data: { key } });
    const content = JSON.stringify(item);
    if (element.dataset.content !== content) {
      element.dataset.content = content;
      write(element, item);
    }
    return element;
  });
  if (after.length !== before.size || after.some((element, i) => parent.children[i] !== element)) parent.replaceChildren(...after);
}

function fill(element, share) {
  element.style.setProperty('--share', Math.min(1, Math.max(0, share)));
}

/** Fills <ul class="chips" id> with [[word, count], …]. */
export function chips(id, entries) {
  const list = document.getElementById(id);
  const content = JSON.stringify(entries);
  if (list.dataset.content === content) return;
  list.dataset.content = content;
  list.replaceChildren(...entries.map(([word, count]) => make('li', {}, word, make('b', {}, String(count)))));
}

/** Says that the page itself failed, and marks its figures as old: for `failed` of poll.js. */
export function failed(error) {
  state({ tone: 'bad', headline: 'This page failed', detail: `${error.message || error} It tries again every few seconds.` });
  document.querySelector('main').classList.add('stale');
  text('freshness', 'What it shows is from before it failed.');
}

/** Fills the table NAME-rows in NAME-table, or says `empty` in NAME-empty. Until it is called, that one says that it is asked for. */
export function list(name, rows, empty) {
  shown(`${name}-table`, rows.length > 0);
  shown(`${name}-empty`, rows.length === 0);
  text(`${name}-empty`, empty);
  table(`${name}-rows`, rows);
}

/** Marks the figures as old, saying from when, or as fresh for null. */
export function stale(since) {
  document.querySelector('main').classList.toggle('stale', since !== null);
  text('freshness', since === null ? 'Asked again every few seconds while this page is in view.' : since);
}
