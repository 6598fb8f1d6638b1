// Addresses to read, to copy, or to scan from the screen.
//
// A page has <dl class="addresses" id="…"> and calls addresses(id, rows) whenever the rows may have
// changed. A row is
//   {label, value, note, code}   code: the text of the QR code, or null for none

import { copyButton } from './copy.js';
import { draw, icon, make } from './element.js';
import { encode } from './qr.js';

const quietZone = 4; // light modules around a code, required by ISO/IEC 18004

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

/** A drawing of the code. `label` describes it to screen readers. */
export function qrCode(text, label) {
  const grid = encode(text);
  const size = grid.length + 2 * quietZone;
  const dark = grid.flatMap((row, y) => row.map((on, x) => (on ? `M${x + quietZone} ${y + quietZone}h1v1h-1z` : '')));
  return draw('svg', { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': label }, draw('path', { d: dark.join('') }));
}
