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

/** Shows how far something is (share from 0 to 1, and a label), or nothing for null. */
export function progress(value) {
  shown('progress', value !== null);
  if (value === null) return;
  document.getElementById('bar').value = value.share;
  text('progress-label', value.label);
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
  if (share !== null) element.style.setProperty('--share', Math.min(1, Math.max(0, share)));
}

/**
 * Fills <tbody id>. Each row is {key, cells}, a cell {text, under, className, title, share}: `under` is a second line,
 * `share` a gauge from 0 to 1. The first cell is the header of its row. Rows stay the elements they are while their key
 * does, so that neither the scroll position nor a selection is lost. Returns the keys that were not there before.
 */
export function table(id, rows) {
  const body = document.getElementById(id);
  const before = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const news = [];
  const after = rows.map(({ key, cells }) => {
    const name = String(key);
    const row = before.get(name) ?? make('tr', { data: { key: name } });
    if (!before.has(name)) news.push(name);
    const content = JSON.stringify(cells);
    if (row.dataset.content !== content) {
      row.dataset.content = content;
      row.replaceChildren(...cells.map(cell));
    }
    return row;
  });
  if (after.length !== body.rows.length || after.some((row, i) => body.rows[i] !== row)) body.replaceChildren(...after);
  return news;
}

function cell({ text: words, under = null, className = '', title = '', share = null }, column) {
  const element = make(column === 0 ? 'th' : 'td', { className, title }, words);
  if (column === 0) element.scope = 'row';
  if (under !== null) element.append(make('small', { className: 'under' }, under));
  if (share !== null) {
    const bar = make('span', { className: 'gauge', ariaHidden: 'true' });
    bar.style.setProperty('--share', Math.min(1, Math.max(0, share)));
    element.append(bar);
  }
  return element;
}

/** Marks the rows with these keys as just arrived. */
export function fresh(id, keys) {
  for (const row of document.getElementById(id).rows) row.classList.toggle('fresh', keys.includes(row.dataset.key));
}

/** Fills <ul class="chips" id> with [[word, count], …]. */
export function chips(id, entries) {
  const list = document.getElementById(id);
  const content = JSON.stringify(entries);
  if (list.dataset.content === content) return;
  list.dataset.content = content;
  list.replaceChildren(...entries.map(([word, count]) => make('li', {}, word, make('b', {}, String(count)))));
}

/** Marks the figures as old, saying from when, or as fresh for null. */
export function stale(since) {
  document.querySelector('main').classList.toggle('stale', since !== null);
  text('freshness', since === null ? 'Asked again every few seconds while this page is in view.' : since);
}
