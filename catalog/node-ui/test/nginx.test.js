// Which requests nginx answers, by its maps, read as nginx reads them. Run: node --test
// catalog/node-ui/test/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const conf = (name) => readFileSync(new URL(`../nginx/${name}.conf`, import.meta.url), 'utf8');

/**
 * The value that the map of `variable` in `config` gives for `text`: that of the first expression
 * that matches, or the default.
 */
function mapped(config, variable, text) {
  const [, , body] = new RegExp(`^( *)map [^\\n]* \\$${variable} \\{\\n(.*?)^\\1\\}`, 'ms').exec(config);
  const entries = [...body.matchAll(/^ +(?:"~(\*?)([^"]*)"|default) +(\S+);$/gm)];
  assert.equal(entries.length, body.trim().split('\n').length, 'lines of the map that this does not read');
  // \Q…\E quotes in nginx's expressions (PCRE) and is unknown to JavaScript's.
  const quoted = (pattern) => pattern.replace(/\\Q(.*?)\\E/g, (_, literal) => literal.replace(/\W/g, '\\$&'));
  const matches = ([, star, pattern]) => pattern !== undefined && new RegExp(quoted(pattern), star ? 'i' : '').test(text);
  return (entries.find(matches) ?? entries.find(([, , pattern]) => pattern === undefined))[3];
}

/** An app's nginx.conf with these names in its setting ui_names. */
function named(app, names) {
  const template = readFileSync(new URL(`../../${app}/templates/nginx.conf`, import.meta.url), 'utf8');
  const [loop, line] = /^\{% for name in host_names\(settings\.ui_names\) %\}\n(.*\n)\{% endfor %\}\n/m.exec(template);
  return template.replace(loop, () => names.map((name) => line.replace('{{ name }}', () => name)).join(''));
}

const uiNames = ['node.example.org', 'my-node', 'node.lan', `${'a'.repeat(56)}.onion`, 'default', 'include'];
const answered = [
  ...['127.0.0.1', '192.168.1.5:8441', '0.0.0.0', '255.255.255.255:65535'],
  ...['[::1]', '[::]', '[fd00::5]', '[FD00::5]:8441', '[2001:db8:85a3:8d3:1319:8a2e:370:7348]:80', '[1:2:3:4:5:6:7::]', '[::ffff:192.168.1.5]:80'],
  ...['localhost', 'localhost:8441', 'LocalHost', 'localhost.', 'localhost.:8441'],
];
const answeredByName = [
  ...['node.example.org', 'node.example.org:8441', 'NODE.Example.org', 'node.example.org.', 'node.example.org.:80'],
  ...['my-node', 'my-node:8441', 'node.lan', `${'a'.repeat(56)}.onion`, 'default', 'include'],
];
const refused = [
  '', // no Host header, which HTTP/1.0 allows
  ...['node', 'node.local', 'node.home', 'node.home.arpa', 'node.internal', 'other.lan', 'archy-bitcoin-ui', `${'b'.repeat(56)}.onion`],
  ...['node.localhost', 'localhost.localdomain', 'localhost.example.org', 'my.localhost:8441', 'xlocalhost', 'localhost..'],
  ...['example.org', 'www.node.example.org', 'node.example.org.evil.net', 'nodexexample.org', 'evil-node.lan', 'xmy-node', 'my-node.lan'],
  ...['127.0.0.1.example.org', '192.168.1.5.nip.io', '127.0.0.1.', '256.0.0.1', '127.0.0.01', '1.2.3', '1.2.3.4.5', '2130706433', '0x7f.0.0.1'],
  ...['::1', '[::1', '::1]', '[]', '[.]', '[:]', '[1:2:3:4:5:6:7:8:9:a]', '[::1].example.org', '[example.org]', '[fe80::1%25eth0]', '[::1]:', '[v1.a]'],
  ...['127.0.0.1:port', 'localhost:8441:80', 'localhost:123456', 'localhost:', ':8441', '.', '*', 'localhost evil', '127.0.0.1,evil', 'evil@127.0.0.1'],
];
for (const app of ['bitcoin', 'litecoin', 'electrs', 'lnd']) {
  const judge = (host, names) => {
    const common = mapped(conf('http'), 'foreign_name', host);
    return common === '$unknown_name' ? mapped(named(app, names), 'unknown_name', host) : common;
  };
  test(`${app}: the page answers IP addresses, localhost and ui_names`, () => {
    for (const host of answered) for (const names of [[], uiNames]) assert.equal(judge(host, names), '0', host);
    for (const host of answeredByName) assert.deepEqual([judge(host, uiNames), judge(host, [])], ['0', '1'], host);
    for (const host of refused) for (const names of [[], uiNames]) assert.equal(judge(host, names), '1', `“${host}”`);
  });
}

test('the Host header as it was sent decides, with port and dots', () => {
  assert.match(conf('http'), /^map \$http_host \$foreign_name /m);
  for (const app of ['bitcoin', 'litecoin', 'electrs', 'lnd']) assert.match(named(app, []), /^ +map \$http_host \$unknown_name /m);
});

for (const [what, site, origin, foreign] of [
  ['a program', '', '', '0'],
  ['the page itself', 'same-origin', '', '0'],
  ['the page itself, with a POST', 'same-origin', 'http://node.lan:8441', '0'],
  ['the page itself, without TLS', '', 'http://node.lan:8441', '0'],
  ['a person who types the address', 'none', '', '0'],
  ['a page of another site', 'cross-site', '', '1'],
  ['a page of another app of this machine', 'same-site', '', '1'],
  ['another site, in a browser that says less', '', 'https://example.org', '1'],
  ['another port of the same name', '', 'http://node.lan:8442', '1'],
  ['a name that begins like ours', '', 'http://node.lan:8441.example.org', '1'],
  ['a page without an origin', '', 'null', '1'],
  ['words that do not go together', 'same-origin', 'https://example.org', '1'],
]) {
  test(`data for ${what}`, () => assert.equal(mapped(conf('http'), 'foreign_site', `${site} ${origin} node.lan:8441`), foreign));
}

test('a foreign name is refused before anything else', () => {
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

test('a page asks often enough for a mined block to be on it within 5 s', () => {
  const interval = Number(/intervalMs = (\d+);/.exec(readFileSync(new URL('../html/shared/poll.js', import.meta.url), 'utf8'))[1]);
  assert.ok(interval <= 2500, `${interval} ms`);
});
