// Buttons that copy. The outcome goes to the page's live region: <p class="spoken" id="said"
// role="status">.
import { draw, icon, make } from './element.js';

const outcomeMs = 2000;
const idle = { word: 'Copy', path: 'M6 5V2h8v9h-3M2 5h9v9H2z', done: false };
const copied = { word: 'Copied', path: 'M2.5 8.5l3.5 3.5 7.5-8', done: true };
const failed = { word: 'Not copied', path: 'M3.5 3.5l9 9M12.5 3.5l-9 9', done: false };

/**
 * A button that copies `value`. `label` names the value to people who do not see where the button
 * stands. A small button, for the middle of a list, has no word: its drawing shows the outcome.
 */
export function copyButton(label, value, { small = false } = {}) {
  const drawing = icon(idle.path);
  const words = small ? null : make('span');
  const button = make('button', { type: 'button', className: small ? 'button small' : 'button' }, drawing, words);
  let timer = 0;
  const show = ({ word, path, done }) => {
    drawing.replaceChildren(draw('path', { d: path }));
    if (words !== null) words.textContent = word;
    // The accessible name starts with the visible word (WCAG 2.5.3, label in name), so both change
    // together.
    button.ariaLabel = `${word}: ${label}`;
    if (small) button.title = button.ariaLabel;
    button.classList.toggle('done', done);
  };
  button.addEventListener('click', async () => {
    const outcome = (await copy(value)) ? copied : failed;
    show(outcome);
    announce(outcome.done ? `${outcome.word}: ${label}` : `${outcome.word}: ${label}. This browser does not let the page copy. Select the text instead.`);
    clearTimeout(timer);
    timer = setTimeout(show, outcomeMs, idle);
  });
  show(idle);
  return button;
}

async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    // Without TLS, as on a home network, browsers let a page copy only a selection.
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

/**
 * A new text node each time: screen readers announce changes, and the same text again would not be
 * one.
 */
function announce(words) {
  document.getElementById('said').replaceChildren(words);
}
