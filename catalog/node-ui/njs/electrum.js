// What electrs may be asked through its page, and what its answers say about its readiness. Pure.
// The calls are those of https://electrumx.readthedocs.io/en/latest/protocol-methods.html

import progress from './progress.js';
import ready from './ready.js';

// Reads only. electrs has no list of its own: `blockchain.transaction.broadcast` would be obeyed, so this is the guard.
const methods = [
  'blockchain.block.header',
  'blockchain.estimatefee',
  'blockchain.headers.subscribe',
  'blockchain.relayfee',
  'blockchain.scripthash.get_balance',
  'blockchain.scripthash.get_history',
  'blockchain.scripthash.subscribe',
  'mempool.get_fee_histogram',
  'server.banner',
  'server.features',
  'server.ping',
];
const mostCalls = 8;
const mostParams = 3;
const longestParam = 64; // a script hash in hexadecimal
const longestHistory = 500; // entries that are passed on; a page shows no more
const indexMissing = -32603; // electrs' `unavailable index`

/**
 * Reads the body of a request, one call or a batch. Returns {status: 200, line, batch} with the line to send on, or a
 * status of 400 or more and the reason. The line is written anew, so that electrs reads what was judged here; `id` is the
 * call's place in the batch.
 */
function judge(text) {
  let asked;
  try {
    asked = JSON.parse(text);
  } catch (error) {
    return { status: 400, reason: 'no JSON' };
  }
  const batch = Array.isArray(asked);
  const calls = batch ? asked : [asked];
  if (calls.length === 0 || calls.length > mostCalls) return { status: 400, reason: `${calls.length} calls at once` };
  const written = [];
  for (let i = 0; i < calls.length; i += 1) {
    const call = calls[i];
    if (call === null || typeof call !== 'object' || typeof call.method !== 'string') return { status: 400, reason: 'no call' };
    if (methods.indexOf(call.method) === -1) return { status: 403, reason: `the method ${named(call.method)}` };
    const params = call.params === undefined ? [] : call.params;
    if (!Array.isArray(params) || params.length > mostParams || !params.every(plainParam)) {
      return { status: 400, reason: `parameters of ${call.method} that it does not have` };
    }
    written.push({ jsonrpc: '2.0', id: i, method: call.method, params: params });
  }
  return { status: 200, batch: batch, line: JSON.stringify(written) };
}

/** Numbers, and words without anything that could end a line or need another alphabet. */
function plainParam(value) {
  if (typeof value === 'string') return value.length <= longestParam && /^[\x20-\x7e]*$/.test(value);
  return typeof value === 'boolean' || (typeof value === 'number' && isFinite(value));
}

/** A stranger's word, fit for a log. */
function named(method) {
  return /^[A-Za-z0-9_.]{1,60}$/.test(method) ? method : 'of a name that no method has';
}

/**
 * electrs' answers in the order of the calls, each {result} or {error: {code, message}}. Of a long list only the newest
 * entries, which come last; `total` then says how many there are. null when it is not an answer to `count` calls.
 */
function replies(text, count) {
  let said;
  try {
    said = JSON.parse(text);
  } catch (error) {
    return null;
  }
  if (!Array.isArray(said) || said.length !== count) return null;
  const ordered = [];
  for (let i = 0; i < count; i += 1) {
    const reply = said.find((one) => one !== null && typeof one === 'object' && one.id === i);
    if (reply === undefined) return null;
    if (reply.error) {
      ordered.push({ error: { code: reply.error.code, message: ready.plain(reply.error.message) } });
    } else if (Array.isArray(reply.result) && reply.result.length > longestHistory) {
      ordered.push({ result: reply.result.slice(-longestHistory), total: reply.result.length });
    } else {
      ordered.push({ result: reply.result });
    }
  }
  return ordered;
}

/** The last indexed block in electrs' metrics, which only versions before 0.12 tell there; null where they do not. */
function heightInMetrics(text) {
  const found = /^electrs_index_height\{type="tip"\} (\d+)$/m.exec(text);
  return found === null ? null : Number(found[1]);
}

/**
 * What was learnt in one look, from
 *   electrs  {status, replies}: of the HTTP answer, and of a batch that begins with `headline`, or null
 *   metrics  electrs' metrics, or ''
 *   node     bitcoind's own chaininfo, or null
 * as {answers, indexing, status, height, node, replies}.
 */
const headline = [
  { method: 'server.banner', params: [] },
  { method: 'blockchain.headers.subscribe', params: [] },
];
function look(electrs, metrics, node) {
  const said = electrs.replies;
  const tip = said !== null && said[1].result ? said[1].result.height : null;
  return {
    answers: said !== null && typeof said[0].result === 'string',
    indexing: said !== null && Boolean(said[0].error) && said[0].error.code === indexMissing,
    status: electrs.status,
    height: tip !== null ? tip : heightInMetrics(metrics),
    node: node,
    replies: said,
  };
}

/**
 * The memory of ready.js with a new verdict. Ready is an electrs that answers a call that needs its index, and has indexed
 * what its node has; one block that is just being read about takes no readiness away.
 */
function verdict(seen, memory, now) {
  const node = seen.node;
  if (node !== null && seen.height !== null && node.blocks - seen.height > 1) {
    const share = seen.height / node.blocks;
    const samples = progress.noted(memory.samples, share, now);
    const under = ready.underWay(share, samples);
    under.message = `catching up, block ${grouped(seen.height)} of ${grouped(node.blocks)}`;
    return said(under, samples, now);
  }
  if (seen.answers && node !== null) return said(ready.yes(), [], now);
  if (seen.answers) return said(ready.no('without its Bitcoin node, which does not answer'), memory.samples, now);
  if (seen.indexing) return said(ready.no('putting its new index in order'), memory.samples, now);
  if (seen.status === 504) {
    // It reads many blocks at a time, and answers nobody meanwhile.
    const kept = ready.meanwhile(memory, now);
    if (kept === memory.verdict) return { samples: memory.samples, verdict: kept, time: memory.time };
    return said(ready.no('not answering, as when it builds its index'), memory.samples, now);
  }
  if (node !== null && node.initialblockdownload && node.chain !== 'regtest') {
    return said(ready.no("waiting for bitcoin's initial block download"), [], now);
  }
  if (seen.status === 200) return said(ready.no('giving answers that are none'), memory.samples, now);
  return said(ready.no('not answering'), memory.samples, now);
}

function said(what, samples, now) {
  return { samples: samples, verdict: what, time: now };
}

function grouped(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

export default { methods, headline, judge, replies, heightInMetrics, look, verdict };
