// The calls that a page may make to bitcoind and litecoind, and the verdict on readiness from their
// answers. Pure.

import calls from './calls.js';
import progress from './progress.js';
import ready from './ready.js';

// The page's own calls, always without parameters. No other call from a browser reaches the daemon;
// refused ones are logged.
const methods = ['getblockchaininfo', 'getmempoolinfo', 'getnetworkinfo', 'getpeerinfo', 'uptime'];
const mostCalls = 16;
const mostParams = 0;
const isParam = () => false;
// Further calls that bitcoind.js makes, with parameters of its own. Both lists together are
// `rpcwhitelist=ui:` in bitcoin.conf and litecoin.conf, so the daemon refuses any call that gets
// past this check.
const ownMethods = ['getblock'];
const newestBlocks = 8;
const justArrived = 2; // headers; this few blocks are on their way
const inWarmup = -28; // RPC_IN_WARMUP in Bitcoin Core's src/rpc/protocol.h

/** The result of calls.js for a request, with the `body` to send on if it is allowed. */
function judge(text) {
  const judged = calls.judge(text, { methods: methods, mostCalls: mostCalls, mostParams: mostParams, isParam: isParam });
  if (judged.status !== 200) return judged;
  const written = judged.calls.map((call) => ({ jsonrpc: '1.0', id: call.id, method: call.method, params: call.params }));
  return { status: 200, body: JSON.stringify(judged.batch ? written : written[0]) };
}

/**
 * The fields of getblock's answer that the page shows; `previous` is null for the first block of a
 * chain.
 */
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

/**
 * The node has headers whose blocks it still fetches and checks. html/node/state.js has the same
 * rule.
 */
function isBehind(chain) {
  return chain.blocks < chain.headers && (chain.initialblockdownload || chain.headers - chain.blocks > justArrived);
}

/**
 * The node has all blocks that it knows of. html/node/state.js has the same rule. electrs and lnd
 * call a node complete by it, too.
 */
function isSynced(chain) {
  return !isBehind(chain) && (!chain.initialblockdownload || chain.chain === 'regtest');
}

/**
 * The node's state for electrs and lnd, from the answer to /rest/chaininfo.json: {chain, held,
 * message}. If the node did not describe its chain, `chain` is null, and `message` completes "lnd
 * is". `held` is true if the node runs but does not answer in time, or is too busy: the previous
 * answer then still counts for a while.
 */
function node(reply) {
  const info = calls.json(reply);
  if (info !== null) return { chain: told(info), held: false, message: null };
  // The text is that of src/rest.cpp in Bitcoin Core. Its other 503 means that the work queue is
  // full.
  const starts = /^Service temporarily unavailable: (.+)/.exec(reply.status === 503 ? reply.responseText || '' : '');
  if (starts !== null) return { chain: null, held: false, message: `waiting for bitcoin, which is ${starting(starts[1])}` };
  return { chain: null, held: reply.status === 503 || reply.status === 504, message: 'waiting for bitcoin, which does not answer' };
}

function told(info) {
  return { chain: info.chain, blocks: info.blocks, headers: info.headers, initialblockdownload: info.initialblockdownload };
}

/** Message of electrs and lnd while the node is not complete. */
const waitingForNode = 'waiting for bitcoin, which does not have all blocks yet';

/**
 * Message of electrs and lnd, which do not begin on a chain whose newest block is old. On regtest a
 * new one comes only by mining.
 */
function waitingForBlock(chain) {
  if (chain.blocks === 0) return 'waiting for the first block of regtest: mine one';
  return 'waiting for a new block of regtest, the newest being old: mine one';
}

/**
 * Returns the memory of ready.js with a new verdict, from the answer to `asked`: `status` and
 * `text` of the HTTP answer.
 *
 * A node is ready if it has left its initial block download, has the blocks whose headers it has,
 * and its networking is on. It leaves that download when its newest block is less than a day old
 * and its chain has as much work as its release requires; it enters it again only at a restart. A
 * node that just fetches the newest block stays ready, so that its dependants do, too. On regtest
 * nobody mines unless asked and the newest block is often old, so there the download does not
 * count.
 *
 * The number of peers does not count. Without peers a node cannot learn of newer blocks, but it
 * serves those it has, and so do electrs and lnd: calling them not ready while the internet is away
 * would take away working services. Peers come and go by themselves, and a node has none for a
 * while after each start, so the page only warns ("No peers"). Networking that was switched off
 * stays off until somebody switches it on, so then the node is not ready.
 */
const asked = ['getblockchaininfo', 'getnetworkinfo'];
function verdict(status, text, memory, now) {
  if (status === 504) return ready.kept(memory, now, 'not answering');
  const replies = read(text);
  const warming = replies.find((reply) => reply.error && reply.error.code === inWarmup);
  if (warming !== undefined) return ready.said(ready.no(starting(warming.error.message)), [], now);
  const results = asked.map((_, id) => replies.find((reply) => reply.id === id && reply.result));
  if (status !== 200 || results.some((reply) => reply === undefined)) return ready.said(ready.no(trouble(status)), memory.samples, now);
  const chain = results[0].result;
  if (isSynced(chain)) {
    const cutOff = results[1].result.networkactive === false;
    return ready.said(cutOff ? ready.no('cut off: its networking is switched off') : ready.yes(), [], now);
  }
  if (chain.blocks === 0) {
    const at = chain.headers > 0 ? `, at ${progress.grouped(chain.headers)}` : '';
    return ready.said(ready.no(`fetching headers${at}`), [], now);
  }
  const samples = progress.noted(memory.samples, chain.verificationprogress, now);
  if (!isBehind(chain)) return ready.said(ready.no('looking for newer blocks'), samples, now);
  return ready.said(ready.underWay(chain.verificationprogress, samples), samples, now);
}

/**
 * The replies in an answer: one for each call of a batch, or one for the whole batch; none if the
 * answer is not JSON.
 */
function read(text) {
  try {
    const said = JSON.parse(text);
    return (Array.isArray(said) ? said : [said]).filter((reply) => reply !== null && typeof reply === 'object');
  } catch (error) {
    return [];
  }
}

/**
 * The daemon's own message while it starts ("Loading block index…"), as words after "bitcoin is".
 */
function starting(message) {
  const words = ready.plain(message).replace(/(…|\.\.\.)$/, '');
  return /^[A-Z][a-z]+ing\b/.test(words) ? words.charAt(0).toLowerCase() + words.slice(1) : `starting (${words})`;
}

function trouble(status) {
  switch (status) {
    case 401:
      return 'refusing the password of its page';
    case 403:
      return 'refusing a call of its page';
    case 502:
      return 'not answering';
    case 503:
      return 'too busy to answer';
    default:
      return `answering with an error (HTTP ${status})`;
  }
}

export default {
  methods,
  ownMethods,
  newestBlocks,
  asked,
  judge,
  block,
  isBehind,
  isSynced,
  node,
  waitingForNode,
  waitingForBlock,
  verdict,
};
