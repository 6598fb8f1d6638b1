// Readiness and call checks of nginx's JavaScript, as tables. Run: node --test
// catalog/node-ui/test/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as page from '../html/node/state.js';
import chain from '../njs/chain.js';
import progress from '../njs/progress.js';
import ready from '../njs/ready.js';

const now = 1_800_000_000;
const empty = { samples: [], verdict: null, time: 0 };

/** The samples after one request every `everyS` seconds, each with `gain` more. */
function sampled({ from, gain, everyS, questions }) {
  let samples = [];
  for (let i = 0; i < questions; i += 1) samples = progress.noted(samples, from + i * gain, now + i * everyS);
  return samples;
}

for (const [what, pace, left] of [
  ['one sample says nothing', { from: 0.5, gain: 0.1, everyS: 30, questions: 1 }, null],
  ['nor do two within seconds', { from: 0.5, gain: 0.1, everyS: 5, questions: 2 }, null],
  ['a standstill has no end', { from: 0.5, gain: 0, everyS: 30, questions: 20 }, null],
  ['a share of 0.01 in 30 s', { from: 0.5, gain: 0.01, everyS: 30, questions: 11 }, 1200],
  ['the same, asked every 3 s', { from: 0.5, gain: 0.001, everyS: 3, questions: 101 }, 1200],
  ['years away', { from: 0, gain: 1e-9, everyS: 30, questions: 20 }, null],
]) {
  test(`time left: ${what}`, () => assert.equal(progress.remaining(sampled(pace)), left));
}

test('samples stay few however many requests come, and none is older than the window', () => {
  const samples = sampled({ from: 0, gain: 0.0001, everyS: 2, questions: 3000 });
  assert.ok(samples.length <= 60, `${samples.length} samples`);
  const [oldest, newest] = [samples[0][0], samples.at(-1)[0]];
  assert.ok(newest - oldest > 840 && newest - oldest <= 900, `${newest - oldest} s`);
});

test('a smaller share or an earlier time starts over', () => {
  const samples = sampled({ from: 0.5, gain: 0.01, everyS: 30, questions: 5 });
  assert.deepEqual(progress.noted(samples, 0.1, now + 600), [[now + 600, 0.1]]);
  assert.deepEqual(progress.noted(samples, 0.9, now - 600), [[now - 600, 0.9]]);
});

for (const [share, left, words] of [
  [0.83, 7200, 'at 83 %, about 2 h left'],
  [0, null, 'at 0 %'],
  [0.5, 20, 'at 50 %, about a minute left'],
  [0.5, 2400, 'at 50 %, about 40 min left'],
  [0.5, 3 * 86400, 'at 50 %, about 3 d left'],
  [0.98999, null, 'at 98 %'],
  [0.9951, null, 'at 99.51 %'],
  [0.999999, 60, 'at 99.99 %, about a minute left'],
  [1, null, 'at 99.99 %'],
]) {
  test(`in words: ${words}`, () => assert.equal(progress.words(share, left), words));
}

const answers = (...replies) => JSON.stringify(replies.map((reply, id) => ({ id, result: null, error: null, ...reply })));
const info = (changed, network = {}) => answers(
  { result: { chain: 'main', blocks: 900, headers: 900, initialblockdownload: false, verificationprogress: 1, ...changed } },
  { result: { networkactive: true, ...network } },
);
const error = (code, message) => answers({ error: { code, message } }, { error: { code, message } });

for (const [what, status, text, expected] of [
  ['in sync', 200, info({}), { ready: true }],
  ['a block behind, after its download', 200, info({ headers: 901 }), { ready: true }],
  ['behind on regtest', 200, info({ chain: 'regtest', blocks: 0, headers: 3, initialblockdownload: true }), { ready: false, message: 'fetching headers, at 3' }],
  ['a day behind, though its download is over', 200, info({ headers: 1044, verificationprogress: 0.996 }), { ready: false, message: 'at 99.60 %', progress: 0.996 }],
  ['three blocks behind', 200, info({ headers: 903, verificationprogress: 0.9999 }), { ready: false, message: 'at 99.99 %', progress: 0.9999 }],
  ['cut off', 200, info({}, { networkactive: false }), { ready: false, message: 'cut off: its networking is switched off' }],
  ['without peers', 200, info({}, { connections: 0 }), { ready: true }],
  ['half an answer', 200, answers({ result: {} }), { ready: false, message: 'answering with an error (HTTP 200)' }],
  ['loading, and says so once', 500, JSON.stringify({ result: null, error: { code: -28, message: 'Loading wallet…' } }), { ready: false, message: 'loading wallet' }],
  ['old blocks on regtest', 200, info({ chain: 'regtest', blocks: 0, headers: 0, initialblockdownload: true }), { ready: true }],
  ['no headers', 200, info({ blocks: 0, headers: 0, initialblockdownload: true }), { ready: false, message: 'fetching headers' }],
  ['headers coming', 200, info({ blocks: 0, headers: 1234567, initialblockdownload: true }), { ready: false, message: 'fetching headers, at 1,234,567' }],
  ['downloading', 200, info({ blocks: 500, initialblockdownload: true, verificationprogress: 0.25 }), { ready: false, message: 'at 25 %', progress: 0.25 }],
  ['away for days', 200, info({ initialblockdownload: true }), { ready: false, message: 'looking for newer blocks' }],
  ['loading', 500, error(-28, 'Loading block index…'), { ready: false, message: 'loading block index' }],
  ['loading, older', 500, error(-28, 'Verifying blocks...'), { ready: false, message: 'verifying blocks' }],
  ['begun', 500, error(-28, 'RPC server started'), { ready: false, message: 'starting (RPC server started)' }],
  ['another error', 500, error(-1, 'no'), { ready: false, message: 'answering with an error (HTTP 500)' }],
  ['not there', 502, '<html>', { ready: false, message: 'not answering' }],
  ['silent', 504, '<html>', { ready: false, message: 'not answering' }],
  ['wrong password', 401, '', { ready: false, message: 'refusing the password of its page' }],
  ['not allowed', 403, '', { ready: false, message: 'refusing a call of its page' }],
  ['busy', 503, 'Work queue depth exceeded', { ready: false, message: 'too busy to answer' }],
  ['nonsense', 200, 'hello', { ready: false, message: 'answering with an error (HTTP 200)' }],
]) {
  test(`ready: ${what}`, () => assert.deepEqual(chain.verdict(status, text, empty, now).verdict, expected));
}

const rest = JSON.stringify({ chain: 'main', blocks: 900, headers: 900, initialblockdownload: false, difficulty: 1 });
for (const [what, status, text, expected] of [
  ['one that answers', 200, rest, { chain: { chain: 'main', blocks: 900, headers: 900, initialblockdownload: false }, held: false, message: null }],
  ['one that refuses the connection', 502, '<html>', { chain: null, held: false, message: 'waiting for bitcoin, which does not answer' }],
  ['one that holds the call back', 504, '<html>', { chain: null, held: true, message: 'waiting for bitcoin, which does not answer' }],
  ['one with a full queue', 503, 'Work queue depth exceeded', { chain: null, held: true, message: 'waiting for bitcoin, which does not answer' }],
  [
    'one that starts',
    503,
    'Service temporarily unavailable: Loading block index…\r\n',
    { chain: null, held: false, message: 'waiting for bitcoin, which is loading block index' },
  ],
  ['something else', 200, 'hello', { chain: null, held: false, message: 'waiting for bitcoin, which does not answer' }],
]) {
  test(`electrs and lnd learn of ${what}`, () => assert.deepEqual(chain.node({ status, responseText: text }), expected));
}

test('ready: the page and nginx have the same rules for a node that is behind and for a complete one', () => {
  for (const headers of [900, 901, 902, 903, 2400]) {
    for (const initialblockdownload of [true, false]) {
      const seen = { blocks: 900, headers, initialblockdownload };
      assert.equal(chain.isBehind(seen), page.isBehind(seen), JSON.stringify(seen));
      for (const name of ['main', 'regtest']) {
        assert.equal(chain.isSynced({ ...seen, chain: name }), page.isSynced({ ...seen, chain: name }), `${name} ${JSON.stringify(seen)}`);
      }
    }
  }
});

test('ready: the remaining time comes from earlier requests', () => {
  let memory = empty;
  for (let i = 0; i <= 10; i += 1) {
    memory = chain.verdict(200, info({ blocks: 500, initialblockdownload: true, verificationprogress: 0.72 + i * 0.01 }), memory, now + i * 30);
  }
  assert.deepEqual(memory.verdict, { ready: false, message: 'at 82 %, about 9 min left', progress: 0.82, remaining_s: 540 });
});

test('ready: after a timeout the previous verdict holds for a minute', () => {
  const before = chain.verdict(200, info({}), empty, now);
  assert.deepEqual(chain.verdict(504, '', before, now + 60).verdict, { ready: true });
  const still = chain.verdict(504, '', before, now + 60);
  assert.deepEqual(chain.verdict(504, '', still, now + 61).verdict, { ready: false, message: 'not answering' });
  assert.deepEqual(chain.verdict(502, '', before, now + 1).verdict, { ready: false, message: 'not answering' });
});

test('a message is one line of plain text', () => {
  assert.equal(ready.no(' a\r\nb\u0007\tc ').message, 'a b c');
  assert.equal(ready.no('x'.repeat(500)).message.length, 200);
});

for (const [what, body, status] of [
  ['a read', { id: 1, method: 'uptime' }, 200],
  ['a batch of reads', [{ id: 1, method: 'uptime' }, { id: 2, method: 'getpeerinfo' }], 200],
  ['stop', { id: 1, method: 'stop' }, 403],
  ['stop in a batch', [{ id: 1, method: 'uptime' }, { id: 2, method: 'stop' }], 403],
  ['a name that an object has', { id: 1, method: 'constructor' }, 403],
  ['a method that is no text', { id: 1, method: ['uptime'] }, 400],
  ['nothing', [], 400],
  ['null', [null], 400],
  ['a call that only nginx makes', { id: 1, method: 'getblock', params: ['00', 1] }, 403],
  ['a parameter', { id: 1, method: 'getpeerinfo', params: [1] }, 400],
  ['parameters by name', { id: 1, method: 'getpeerinfo', params: { a: 1 } }, 400],
  ['no parameters, said so', { id: 1, method: 'uptime', params: [] }, 200],
  ['a flood', Array(25).fill({ id: 1, method: 'uptime' }), 400],
]) {
  test(`calls: ${what}`, () => assert.equal(chain.judge(JSON.stringify(body)).status, status));
}

test('calls: the daemon reads exactly what was checked', () => {
  const twice = '{"id": 1, "method": "stop", "method": "uptime", "more": 1}';
  assert.deepEqual(chain.judge(twice), { status: 200, body: '{"jsonrpc":"1.0","id":1,"method":"uptime","params":[]}' });
  assert.equal(chain.judge('{"id": 1, "method": "uptime"').status, 400);
});

test('calls: a reason is safe to log', () => {
  assert.equal(chain.judge('{"method": "a\\nb"}').reason, 'the method with an invalid name');
});

for (const app of ['bitcoin', 'litecoin']) {
  test(`calls: ${app}.conf allows the page's user its calls and no others`, () => {
    const conf = readFileSync(new URL(`../../${app}/templates/${app}.conf`, import.meta.url), 'utf8');
    assert.deepEqual(/^rpcwhitelist=ui:(.*)$/m.exec(conf)[1].split(','), [...chain.methods, ...chain.ownMethods].sort());
  });
}
