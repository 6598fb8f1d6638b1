// What a daemon of bitcoind's kind may be asked, and what its answer says about its readiness. Pure.

import progress from './progress.js';
import ready from './ready.js';

// What the page and the scripts beside this one call, and nothing else: the same list as `rpcwhitelist=ui:` in bitcoin.conf and litecoin.conf, which is
// the guard. This one keeps what is refused away from the daemon, and says so in the log of the page.
const methods = [
  'getblock',
  'getblockchaininfo',
  'getmempoolinfo',
  'getnetworkinfo',
  'getpeerinfo',
  'uptime',
];
const mostCalls = 16;
const newestBlocks = 8;
const inWarmup = -28; // RPC_IN_WARMUP in Bitcoin Core's src/rpc/protocol.h

/**
 * Reads the body of a request, one call or a batch. Returns {status: 200, body} with the body to send on, or a status of
 * 400 or more and the reason. The body is written anew, so that the daemon reads what was judged here.
 */
function judge(text) {
  let asked;
  try {
    asked = JSON.parse(text);
  } catch (error) {
    return { status: 400, reason: 'no JSON' };
  }
  const calls = Array.isArray(asked) ? asked : [asked];
  if (calls.length === 0 || calls.length > mostCalls) return { status: 400, reason: `${calls.length} calls at once` };
  const written = [];
  for (let i = 0; i < calls.length; i += 1) {
    const call = calls[i];
    if (call === null || typeof call !== 'object' || typeof call.method !== 'string') return { status: 400, reason: 'no call' };
    if (methods.indexOf(call.method) === -1) return { status: 403, reason: `the method ${named(call.method)}` };
    written.push({ jsonrpc: '1.0', id: call.id === undefined ? null : call.id, method: call.method, params: call.params || [] });
  }
  return { status: 200, body: JSON.stringify(Array.isArray(asked) ? written : written[0]) };
}

/** What the page shows of a block, from the answer to getblock; `previous` is null for the first of a chain. */
function block(answer) {
  return {
    hash: answer.hash,
    height: answer.height,
    time: answer.time,
    size: answer.size,
    weight: answer.weight,
    txs: answer.nTx,
    previous: answer.previousblockhash || null,
  };
}

/** A stranger's word, fit for a log. */
function named(method) {
  return /^[A-Za-z0-9_]{1,40}$/.test(method) ? method : 'of a name that no method has';
}

/**
 * From the answer to getblockchaininfo (`status` and `text` of the HTTP answer) and the memory of ready.js: the memory
 * with a new verdict.
 *
 * Ready is a node that left its initial block download. It leaves it once, when its newest block is less than a day old
 * and has as much work as a chain of its release must have, and does not enter it again until it is restarted: a node that
 * merely fetches the newest block does not take its dependants' readiness away for a second. On regtest nobody mines unless
 * asked, so that the newest block is often old, and the node is ready as soon as it answers.
 */
function verdict(status, text, memory, now) {
  if (status === 504) return { samples: memory.samples, verdict: ready.meanwhile(memory, now), time: memory.time };
  let reply = null;
  try {
    reply = JSON.parse(text);
  } catch (error) {
    // Not JSON: the status says the rest.
  }
  if (reply !== null && reply.error && reply.error.code === inWarmup) return said(ready.no(starting(reply.error.message)), [], now);
  const chain = reply !== null && reply.result ? reply.result : null;
  if (status !== 200 || chain === null) return said(ready.no(trouble(status)), memory.samples, now);
  if (!chain.initialblockdownload || chain.chain === 'regtest') return said(ready.yes(), [], now);
  if (chain.blocks === 0) {
    const at = chain.headers > 0 ? `, at ${grouped(chain.headers)}` : '';
    return said(ready.no(`fetching headers${at}`), [], now);
  }
  const samples = progress.noted(memory.samples, chain.verificationprogress, now);
  if (chain.blocks >= chain.headers) return said(ready.no('looking for newer blocks'), samples, now);
  return said(ready.underWay(chain.verificationprogress, samples), samples, now);
}

function said(what, samples, now) {
  return { samples: samples, verdict: what, time: now };
}

/** The daemon's own word while it starts ("Loading block index…"), to be read after "bitcoin is". */
function starting(message) {
  const words = ready.plain(message).replace(/(…|\.\.\.)$/, '');
  return /^[A-Z][a-z]+ing\b/.test(words) ? words.charAt(0).toLowerCase() + words.slice(1) : `starting (${words})`;
}

function trouble(status) {
  switch (status) {
    case 401:
      return 'refusing the password of its page';
    case 403:
      return 'refusing its page the call getblockchaininfo';
    case 502:
      return 'not answering';
    case 503:
      return 'too busy to answer';
    default:
      return `answering with an error (HTTP ${status})`;
  }
}

function grouped(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

export default { methods, newestBlocks, judge, verdict, block };
