// The little that a page changes in itself. Text goes in as text, never as markup.

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

/** Marks the figures as old, saying from when, or as fresh for null. */
export function stale(since) {
  document.querySelector('main').classList.toggle('stale', since !== null);
  text('freshness', since === null ? 'Asked again every 5 seconds while this page is in view.' : since);
}
