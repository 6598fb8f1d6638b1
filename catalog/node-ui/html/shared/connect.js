// Addresses that a person takes elsewhere: to be read, copied, or scanned from the screen.
//
// A page has <dl class="addresses" id="…"> and calls addresses(id, rows) whenever they may have changed. A row is
//   {label, value, note, code}   code: what the QR code holds, or null for none
// The dialog for the code and the region that says "copied" are made when they are first needed.

import { draw, make } from './page.js';
import { encode } from './qr.js';

const quietZone = 4; // modules of light around a code, as ISO/IEC 18004 asks for
const doneMs = 2000;

export function addresses(id, rows) {
  const list = document.getElementById(id);
  const content = JSON.stringify(rows);
  if (list.dataset.content === content) return;
  list.dataset.content = content;
  list.replaceChildren(...rows.map(address));
}

function address({ label, value, note, code }) {
  return make(
    'div',
    {},
    make('dt', {}, label),
    make('dd', { className: 'value' }, make('code', {}, value)),
    make('dd', { className: 'actions' }, copyButton(label, value), code === null ? null : codeButton(label, value, note, code)),
    note === '' ? null : make('dd', { className: 'note' }, note),
  );
}

/** A button that copies `value`; `label` says what that is to those who do not see where the button stands. */
export function copyButton(label, value) {
  const words = make('span', {}, 'Copy');
  const button = make('button', { type: 'button', className: 'button', ariaLabel: `Copy: ${label}` }, icon('M6 5V2h8v9h-3M2 5h9v9H2z'), words);
  button.addEventListener('click', async () => {
    const done = await copy(value);
    words.textContent = done ? 'Copied' : 'Not copied';
    button.classList.toggle('done', done);
    speak(done ? `Copied: ${label}` : `Not copied: this browser does not let the page copy. Select the text instead.`);
    setTimeout(() => {
      words.textContent = 'Copy';
      button.classList.remove('done');
    }, doneMs);
  });
  return button;
}

async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    // Without TLS, as on a home network, browsers offer the clipboard only to a selection.
    return copySelected(value);
  }
}

function copySelected(value) {
  const focused = document.activeElement;
  const field = make('textarea', { value, className: 'spoken', readOnly: true });
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  focused?.focus();
  return done;
}

function speak(words) {
  let region = document.getElementById('said');
  if (region === null) {
    region = make('p', { id: 'said', className: 'spoken', role: 'status' });
    document.querySelector('main').append(region);
  }
  region.textContent = words;
}

function codeButton(label, value, note, code) {
  const drawing = icon('M2 2h4v4H2zM10 2h4v4h-4zM2 10h4v4H2zM10 10h1v1M14 10v4h-4M13 12h0');
  const button = make('button', { type: 'button', className: 'button', ariaLabel: `QR code: ${label}` }, drawing, make('span', {}, 'QR'));
  button.addEventListener('click', () => showCode(label, value, note, code));
  return button;
}

function showCode(label, value, note, code) {
  const dialog = make(
    'dialog',
    { className: 'code' },
    make('h2', { id: 'code-title' }, label),
    qrCode(code, `QR code with the text ${code}`),
    make('p', {}, make('code', {}, value)),
    note === '' ? null : make('p', { className: 'quiet' }, note),
    make('form', { method: 'dialog' }, make('button', { className: 'button' }, 'Close')),
  );
  dialog.setAttribute('aria-labelledby', 'code-title');
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog && outside(dialog, event)) dialog.close();
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function outside(dialog, { clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}

/** A drawing of the code, named `label` for those who do not see it. */
export function qrCode(text, label) {
  const grid = encode(text);
  const size = grid.length + 2 * quietZone;
  const dark = grid.flatMap((row, y) => row.map((on, x) => (on ? `M${x + quietZone} ${y + quietZone}h1v1h-1z` : '')));
  return draw('svg', { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': label }, draw('path', { d: dark.join('') }));
}

function icon(path) {
  return draw('svg', { viewBox: '0 0 16 16', 'aria-hidden': 'true' }, draw('path', { d: path }));
}
