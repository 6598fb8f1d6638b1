// The changes that a page makes to its document.
import { copyButton } from './copy.js';
import { draw, make } from './element.js';

/** Sets the text of an element if it differs, so that live regions announce changes only. */
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
 * Fills <svg class="ring" id="ring" viewBox="0 0 100 100" aria-hidden="true"> with a share from 0
 * to 1 and a short text in its middle; null leaves it empty. The page must show the same as text,
 * too.
 */
export function ring(share, label, tone) {
  const svg = document.getElementById('ring');
  if (svg.childElementCount === 0) {
    const round = { cx: 50, cy: 50, r: 44, pathLength: 100 };
    svg.append(draw('circle', round), draw('circle', { ...round, class: 'share' }), draw('text', { x: 50, y: 51 }));
  }
  const [, arc, words] = svg.children;
  svg.dataset.tone = tone;
  // A round cap is drawn even at length 0.
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
 * Fills <tbody id>. Each row is {key, cells}, a cell {text, copy, under, lines, className, title,
 * share}: `copy`, {label, value} as in copy.js, adds a button beside the text; `under` is a second
 * line, `lines` are further lines, each {text, copy}; `share` is a gauge from 0 to 1. The first
 * cell is the header of its row. All rows of a table have the same number of cells.
 */
export function table(id, rows) {
  keyed(document.getElementById(id), 'tr', rows, (row, { cells }) => {
    // A cell with the same content stays the same element, so that a button in it keeps the focus.
    cells.forEach((content, column) => {
      const before = row.children[column];
      if (before === undefined) row.append(cell(content, column));
      else if (before.dataset.content !== JSON.stringify(content)) before.replaceWith(cell(content, column));
    });
  });
}

function cell(content, column) {
  const { text: words, copy = null, under = null, lines = [], className = '', title = '', share = null } = content;
  const data = { content: JSON.stringify(content) };
  const element = make(column === 0 ? 'th' : 'td', { className, title, data }, ...copied(words, copy));
  if (column === 0) element.scope = 'row';
  if (under !== null) element.append(make('small', { className: 'under' }, under));
  for (const line of lines) element.append(make('small', { className: 'under' }, ...copied(line.text, line.copy)));
  if (share !== null) {
    const bar = make('span', { className: 'gauge' });
    fill(bar, share);
    element.append(bar);
  }
  return element;
}

/** A text, with a button that copies the value behind it if `copy` is given. */
function copied(words, copy) {
  return copy === null ? [words] : [make('span', { className: 'copied' }, words, copyButton(copy.label, copy.value, { small: true }))];
}

/**
 * Fills <ol class="strip" id> with cards {key, figure, lines, title, share}, newest first. New
 * cards are lit up.
 */
export function strip(id, cards) {
  keyed(document.getElementById(id), 'li', cards, (item, { figure, lines, title, share }) => {
    item.title = title;
    fill(item, share);
    item.replaceChildren(make('b', {}, figure), ...lines.map((line) => make('span', {}, line)));
  });
}

/**
 * Makes the children of `parent` match `items`. An item with the same key keeps its element, so
 * that scroll position and selection are kept, and is rewritten only if its content differs. Items
 * that come after the first fill are marked as fresh. The focused element keeps the focus, even if
 * it moves.
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
  if (after.length === before.size && after.every((element, i) => parent.children[i] === element)) return;
  const focused = document.activeElement;
  parent.replaceChildren(...after);
  if (parent.contains(focused)) focused.focus({ preventScroll: true });
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

/** Shows that the page itself failed, and marks its figures as old: for `failed` of poll.js. */
export function failed(error) {
  state({ tone: 'bad', headline: 'This page failed', detail: `${error.message || error} It tries again every few seconds.` });
  document.querySelector('main').classList.add('stale');
  text('freshness', 'The figures are from before it failed.');
}

/**
 * Fills the table NAME-rows in NAME-table, or shows `empty` in NAME-empty, which says until then
 * that an answer is awaited.
 */
export function list(name, rows, empty) {
  shown(`${name}-table`, rows.length > 0);
  shown(`${name}-empty`, rows.length === 0);
  text(`${name}-empty`, empty);
  table(`${name}-rows`, rows);
}

/** Marks the figures as old with the sentence `since`, or as fresh for null. */
export function stale(since) {
  document.querySelector('main').classList.toggle('stale', since !== null);
  text('freshness', since === null ? 'Updated every few seconds while this page is in view.' : since);
}
