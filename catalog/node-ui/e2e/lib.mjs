// Checks of every page in a real browser. A spec opens a page in each of `looks` and checks it.
//
// To run them: ./prepare FOLDER, then node --test FOLDER/e2e/node.spec.mjs. Environment:
//   CHROMIUM     the browser, by default /usr/bin/chromium
//   SCREENSHOTS  a folder for pictures; without it none are taken
//   NODE_URL, …  the address of the page that a spec checks
//
// `open` watches a page from its first request on. `expectSound` fails if there was a request to
// another origin, an error or warning of a script or of the security policy, a finding of axe-core
// that is serious, an element wider than the window or its frame, or a live region that is not
// rendered.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import jsQR from 'jsqr';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * The bound of every wait. It only ends a test whose page hangs, so it is far above the time that a
 * slow and busy machine needs.
 */
export const patienceMs = 60_000;

/** Window sizes and colour schemes. */
export const looks = [
  { name: 'desktop-light', width: 1280, height: 800, colorScheme: 'light' },
  { name: 'desktop-dark', width: 1280, height: 800, colorScheme: 'dark' },
  { name: 'phone-light', width: 390, height: 844, colorScheme: 'light' },
  { name: 'phone-dark', width: 390, height: 844, colorScheme: 'dark' },
];

/** The address of a page, from an environment variable. */
export function address(variable) {
  const value = process.env[variable];
  assert.ok(value, `${variable} must be the address of the page, like http://127.0.0.1:8441/`);
  return value;
}

/** A number from an environment variable, or null. */
export function expected(variable) {
  return process.env[variable] === undefined ? null : Number(process.env[variable]);
}

/**
 * The page of a running daemon, for all tests of a spec: `NAME_URL` is its address, `NAME_HEIGHT`
 * the height that it must show, which is not compared if it is not set. Returns `opened(look)`,
 * which opens the page and waits for the first figures.
 */
export function running(name) {
  const url = address(`${name}_URL`);
  const height = expected(`${name}_HEIGHT`);
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());
  return async (look) => {
    const opening = await open(browser, url, look);
    await says(opening.page, '#height', height === null ? /^[\d,]+$/ : figure(height));
    return opening;
  };
}

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags, timeout: patienceMs });
}

/**
 * Opens `url` with the size and colours of `look`. Returns {page, seen, close}. A browser reports
 * each failed answer on its console; with `failing` these reports are allowed. With `answers` no
 * server is asked: see `staged`. `prepare(page)` runs before the page loads.
 */
export async function open(browser, url, look, { failing = false, answers = null, prepare = async () => {} } = {}) {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.colorScheme,
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const seen = { elsewhere: [], complaints: [] };
  const { origin } = new URL(url);
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) seen.elsewhere.push(request.url());
  });
  page.on('console', (message) => {
    const answered = failing && message.text().startsWith('Failed to load resource:');
    if (['error', 'warning'].includes(message.type()) && !answered) seen.complaints.push(message.text());
  });
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  if (answers !== null) await staged(page, answers);
  await prepare(page);
  await page.goto(url);
  return { page, seen, close: () => context.close() };
}

/**
 * Answers the page from the files in html/ and from `answers`: {folder, config, …}. `config` is
 * config.json; every other key is a path, and its value is {status, value} or a function from the
 * request to that. `config` may be such a function, too. The security policy is the real one.
 */
async function staged(page, { folder, ...answers }) {
  const server = readFileSync(new URL('../nginx/server.conf', import.meta.url), 'utf8');
  const policy = /Content-Security-Policy "([^"]*)"/.exec(server)[1];
  await page.route('**/*', async (route) => {
    const path = new URL(route.request().url()).pathname.slice(1);
    const headers = { 'Content-Security-Policy': policy };
    const answer = answers[path === 'config.json' ? 'config' : path];
    if (answer === undefined) {
      const file = path.startsWith('shared/') ? path : `${folder}/${path || 'index.html'}`;
      return route.fulfill({ path: fileURLToPath(new URL(`../html/${file}`, import.meta.url)), headers });
    }
    if (path === 'config.json' && typeof answer !== 'function') return route.fulfill({ json: answer, headers });
    const { status, value } = typeof answer === 'function' ? answer(route.request()) : answer;
    return route.fulfill({ status, json: value, headers });
  });
}

/** Waits until the text of the element `selector` is `text`, or matches it. */
export async function says(page, selector, text) {
  const wanted = text instanceof RegExp ? { source: text.source, exact: false } : { source: String(text), exact: true };
  try {
    await page.waitForFunction(
      ([where, { source, exact }]) => {
        const found = document.querySelector(where)?.textContent ?? '';
        return exact ? found === source : new RegExp(source).test(found);
      },
      [selector, wanted],
      { polling: 50 },
    );
  } catch {
    const found = await page.textContent(selector).catch(() => null);
    assert.fail(`${selector} says ${JSON.stringify(found)}, not ${text}, after ${patienceMs} ms`);
  }
}

/** A figure in the form of the pages. */
export const figure = (n) => new Intl.NumberFormat('en').format(n);

/** Takes a picture of the whole page, if pictures are wanted. */
export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' });
}

/** The findings of axe-core that are serious or critical, in the present state of the page. */
export async function violations(page) {
  // In an isolated world, since the page's policy allows no foreign script and must stay as it is.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      expression,
      contextId: executionContextId,
      awaitPromise: true,
      returnByValue: true,
    });
    assert.equal(exceptionDetails, undefined, exceptionDetails?.exception?.description);
    return result.value;
  };
  await evaluate(`${axe}; undefined`);
  const found = await evaluate("axe.run(document, {resultTypes: ['violations']}).then((result) => JSON.stringify(result.violations))");
  await session.detach();
  return JSON.parse(found)
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

/** Fails unless the page passes all checks; see the head of this file. */
export async function expectSound({ page, seen }) {
  assert.deepEqual(await violations(page), [], 'findings of axe-core');
  const { inner, outer } = await page.evaluate(() => ({
    inner: document.documentElement.scrollWidth,
    outer: document.documentElement.clientWidth,
  }));
  assert.ok(inner <= outer, `the page is ${inner} px wide in a window of ${outer} px`);
  const cut = await page.$$eval('.table', (tables) => {
    return tables.filter((table) => table.scrollWidth > table.clientWidth).map((table) => table.id);
  });
  assert.deepEqual(cut, [], 'tables that are wider than their frame');
  const unheard = await page.$$eval('[role=status], [role=alert]', (regions) => {
    return regions.filter((region) => !region.checkVisibility()).map((region) => region.id);
  });
  assert.deepEqual(unheard, [], 'live regions that are not rendered, whose changes screen readers do not announce');
  assert.deepEqual(seen.elsewhere, [], 'requests to other origins');
  assert.deepEqual(seen.complaints, [], 'messages on the console');
}

/**
 * Everything that the tab key reaches, in order: {name, visible}, the accessible name and whether
 * the focus is visible.
 */
export async function tabStops(page) {
  const stops = [];
  await page.evaluate(() => document.activeElement?.blur());
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const { activeElement: at } = document;
      if (at === null || at === document.body) return null;
      const outline = getComputedStyle(at);
      const visible = outline.outlineStyle !== 'none' && Number.parseFloat(outline.outlineWidth) > 0;
      const name = at.ariaLabel ?? document.getElementById(at.getAttribute('aria-labelledby') ?? '')?.textContent ?? at.textContent;
      return { name: name.trim(), visible };
    });
    if (stop === null) break;
    stops.push(stop);
  }
  return stops;
}

/**
 * Copies the address labelled `label` and scans its QR code, as a person does. Keeps a picture of
 * the code as `name`. Returns {copied, scanned}. Checks the page while the code is open and after
 * it was closed.
 */
export async function taken(opening, label, name) {
  const { page } = opening;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const row = page.locator('#connect > div', { has: page.getByRole('button', { name: `QR code: ${label}`, exact: true }) }).first();
  await row.getByRole('button', { name: /^Copy: / }).click();
  await says(page, '#said', `Copied: ${label}`);
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, await row.locator('code').textContent());

  await row.getByRole('button', { name: /^QR code: / }).click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  const code = await scanned(dialog.getByRole('img'));
  await picture(page, name);
  assert.deepEqual(await violations(page), []);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expectSound(opening);
  return { copied, scanned: code };
}

/** Reads a code from the screen as a camera would. */
async function scanned(drawing) {
  const png = await drawing.screenshot();
  // The browser decodes the picture.
  const { data, width, height: rows } = await drawing.page().evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    return { data: [...context.getImageData(0, 0, image.width, image.height).data], width: image.width, height: image.height };
  }, png.toString('base64'));
  const read = jsQR.default ?? jsQR;
  return read(Uint8ClampedArray.from(data), width, rows)?.data;
}
