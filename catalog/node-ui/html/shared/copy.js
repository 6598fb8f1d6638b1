// Buttons that copy. The region that says "copied" is made when it is first needed.
import { draw, icon, make } from './element.js';

const doneMs = 2000;
const sheets = 'M6 5V2h8v9h-3M2 5h9v9H2z';
const tick = 'M2.5 8.5l3.5 3.5 7.5-8';
const cross = 'M3.5 3.5l9 9M12.5 3.5l-9 9';

/**
 * A button that copies `value`; `label` says what that is to those who do not see where the button stands. A small one, for the
 * middle of a list, has no words: its drawing tells how it went.
 */
export function copyButton(label, value, { small = false } = {}) {
  const name = `Copy: ${label}`;
  const drawing = icon(sheets);
  const words = small ? null : make('span', {}, 'Copy');
  const looks = small ? { className: 'button small', title: name } : { className: 'button' };
  const button = make('button', { type: 'button', ariaLabel: name, ...looks }, drawing, words);
  const tell = (path, text, done) => {
    if (small) drawing.replaceChildren(draw('path', { d: path }));
    else words.textContent = text;
    button.classList.toggle('done', done);
  };
  button.addEventListener('click', async () => {
    const done = await copy(value);
    tell(done ? tick : cross, done ? 'Copied' : 'Not copied', done);
    speak(done ? `Copied: ${label}` : 'Not copied: this browser does not let the page copy. Select the text instead.');
    setTimeout(tell, doneMs, sheets, 'Copy', false);
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
