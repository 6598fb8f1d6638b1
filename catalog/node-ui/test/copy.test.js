// Buttons that copy: accessible names and announcements. Run: node --test catalog/node-ui/test/
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { copyButton } from '../html/shared/copy.js';

/** As much of a DOM element as copy.js and element.js use. */
class Element {
  children = [];
  dataset = {};
  listeners = {};
  className = '';
  classList = { toggle: (name, on) => { this.classes = { ...this.classes, [name]: on }; } };
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  setAttribute() {}
  addEventListener(event, listener) { this.listeners[event] = listener; }
  select() {}
  remove() {}
  focus() {}
  get textContent() { return this.children.map((child) => child.textContent ?? child).join(''); }
  set textContent(text) { this.children = [text]; }
}

/**
 * A button on a page whose browser copies or refuses to; `elapse` lets the state after a click end.
 */
function placed({ small, allowed }) {
  const region = new Element();
  const timers = new Map();
  const globals = {
    document: {
      createElement: () => new Element(),
      createElementNS: () => new Element(),
      getElementById: (id) => (id === 'said' ? region : null),
      execCommand: () => false,
      body: new Element(),
      activeElement: null,
    },
    navigator: { clipboard: { writeText: async () => { if (!allowed) throw new Error('denied'); } } },
    setTimeout: (run, _ms, ...values) => { timers.set(timers.size + 1, () => run(...values)); return timers.size; },
    clearTimeout: (id) => { timers.delete(id); },
  };
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
  const button = copyButton('Public key', '02aa', { small });
  const elapse = () => [...timers.values()].forEach((run) => run());
  return { button, region, timers, elapse, click: () => button.listeners.click() };
}

const real = { setTimeout, clearTimeout };
for (const small of [false, true]) {
  for (const [allowed, word] of [[true, 'Copied'], [false, 'Not copied']]) {
    test(`the name contains the visible word in every state: ${small ? 'small' : 'with a word'}, ${word}`, async () => {
      const { button, region, elapse, click } = placed({ small, allowed });
      const check = (state) => {
        assert.equal(button.textContent, small ? '' : state);
        assert.equal(button.ariaLabel, `${state}: Public key`);
        if (small) assert.equal(button.title, button.ariaLabel);
      };
      check('Copy');
      assert.equal(region.textContent, '');
      await click();
      check(word);
      assert.match(region.textContent, new RegExp(`^${word}: Public key`));
      elapse();
      check('Copy');
      Object.assign(globalThis, real);
    });
  }
}

test('a second click counts anew: its state does not end with the first', async () => {
  const { timers, click } = placed({ small: false, allowed: true });
  await click();
  await click();
  assert.equal(timers.size, 1);
  Object.assign(globalThis, real);
});

test('copying the same again is announced again: the region gets another node', async () => {
  const { region, click } = placed({ small: false, allowed: true });
  const replaced = [];
  region.replaceChildren = (...children) => replaced.push(children);
  await click();
  await click();
  assert.deepEqual(replaced, [['Copied: Public key'], ['Copied: Public key']]);
  Object.assign(globalThis, real);
});

const html = new URL('../html/', import.meta.url);
for (const folder of readdirSync(html).filter((name) => name !== 'shared')) {
  test(`screen readers know the live regions before their first words: ${folder}`, () => {
    const document = readFileSync(new URL(`${folder}/index.html`, html), 'utf8');
    assert.match(document, /<p class="spoken" id="said" role="status"><\/p>/);
    for (const [tag] of document.matchAll(/<[^>]*\brole="(?:status|alert)"[^>]*>/g)) assert.doesNotMatch(tag, /\bhidden\b/);
  });
}
