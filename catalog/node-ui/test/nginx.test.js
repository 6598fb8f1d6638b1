// Whom nginx answers, by the maps of http.conf, read as nginx reads them. Run: node --test catalog/node-ui/test/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const conf = (name) => readFileSync(new URL(`../nginx/${name}.conf`, import.meta.url), 'utf8');

/** What the map that sets `variable` makes of a text: an expression that fits, the first of them, or the default. */
function mapped(variable, text) {
  const [, body] = new RegExp(`^map [^\\n]* \\$${variable} \\{\\n(.*?)^\\}`, 'ms').exec(conf('http'));
  const entries = [...body.matchAll(/^ +(?:"~([^"]*)"|default) +(\S+);$/gm)].map(([, pattern, value]) => [pattern, value]);
  assert.equal(entries.length, body.trim().split('\n').length, 'lines of the map that this does not read');
  const found = entries.find(([pattern]) => pattern !== undefined && new RegExp(pattern).test(text));
  return (found ?? entries.find(([pattern]) => pattern === undefined))[1];
}

for (const [host, foreign] of [
  ['127.0.0.1', '0'],
  ['192.168.1.5', '0'],
  ['[::1]', '0'],
  ['[fd00::5]', '0'],
  ['localhost', '0'],
  ['node', '0'],
  ['node.local', '0'],
  ['my.node.lan', '0'],
  ['node.home', '0'],
  ['node.home.arpa', '0'],
  ['node.internal', '0'],
  ['abcdef.onion', '0'],
  // Up to the operator: the map in the app's own nginx.conf, which says 1 for all that ui_names does not name.
  ['', '$unknown_name'],
  ['example.org', '$unknown_name'],
  ['127.0.0.1.example.org', '$unknown_name'],
  ['192.168.1.5.nip.io', '$unknown_name'],
  ['local.example.org', '$unknown_name'],
  ['examplelocal.org', '$unknown_name'],
  ['.', '$unknown_name'],
]) {
  test(`a page under the name “${host}”`, () => assert.equal(mapped('foreign_name', host), foreign));
}

for (const [what, site, origin, foreign] of [
  ['a program', '', '', '0'],
  ['the page itself', 'same-origin', '', '0'],
  ['the page itself, with a POST', 'same-origin', 'http://node.lan:8441', '0'],
  ['the page itself, without TLS', '', 'http://node.lan:8441', '0'],
  ['a reader who types the address', 'none', '', '0'],
  ['a page of another site', 'cross-site', '', '1'],
  ['a page of another app of this machine', 'same-site', '', '1'],
  ['another site, in a browser that says less', '', 'https://example.org', '1'],
  ['another port of the same name', '', 'http://node.lan:8442', '1'],
  ['a name that begins like ours', '', 'http://node.lan:8441.example.org', '1'],
  ['a page without an origin', '', 'null', '1'],
  ['words that do not go together', 'same-origin', 'https://example.org', '1'],
]) {
  test(`data for ${what}`, () => assert.equal(mapped('foreign_site', `${site} ${origin} node.lan:8441`), foreign));
}

test('a foreign name is refused before anything else is looked at', () => {
  assert.match(conf('server'), /^if \(\$foreign_name\) \{\n    return 421 /m);
});

for (const name of ['bitcoind', 'electrs', 'lnd']) {
  test(`no data for another site: ${name}.conf`, () => {
    const locations = conf(name).split(/^location /m).filter((one) => one.includes('js_content'));
    assert.ok(locations.length >= 3);
    for (const one of locations) assert.match(one, /if \(\$foreign_site\) \{ return 403; \}/, one);
  });
}

test('nothing that a daemon is asked by nginx can be asked from outside', () => {
  for (const name of ['bitcoind', 'electrs', 'lnd']) {
    const locations = conf(name).split(/^location /m).filter((one) => one.includes('proxy_pass http'));
    for (const one of locations) assert.match(one, /\binternal;/, one);
  }
});

for (const [name, what, turns] of [
  ['lnd', 'api/overview', [['/ask-lnd/state', '/ask-node/chain-for-page'], ['/ask-lnd/info'], ['/ask-lnd/wallet', '/ask-lnd/balances']]],
  ['electrs', 'api/status', [['/ask-node/chain-for-page', '/ask-metrics'], ['/ask-electrs-for-page']]],
  ['electrs', 'electrum', [['/ask-metrics'], ['/ask-electrs']]],
]) {
  test(`nginx gives up on ${what} before the page does`, () => {
    const ms = (text) => Number.parseFloat(text) * (text.endsWith('ms') ? 1 : 1000);
    const read = (text) => /proxy_read_timeout (\w+);/.exec(text)?.[1];
    const bound = (location) => {
      const [, body] = new RegExp(`^location = ${location} \\{(.*?)\\}$`, 'ms').exec(conf(name));
      return ms(read(body) ?? read(conf('http')));
    };
    const longest = turns.reduce((sum, together) => sum + Math.max(...together.map(bound)), 0);
    const patience = Number(/patienceMs = (\d+);/.exec(readFileSync(new URL('../html/shared/poll.js', import.meta.url), 'utf8'))[1]);
    assert.ok(longest < patience, `${longest} ms of ${patience}`);
  });
}
