// What a daemon of bitcoind's kind may be asked, and what its answer says about its readiness. Pure.

import calls from './calls.js';
import progress from './progress.js';
import ready from './ready.js';

// What the page itself calls, always without parameters. Nothing else reaches the daemon from a browser, and what is refused is a
// line in the log of the page.
const methods = ['getblockchaininfo', 'getmempoolinfo', 'getnetworkinfo', 'getpeerinfo', 'uptime'];
const mostCalls = 16;
const mostParams = 0;
const isParam = () => false;
// What bitcoind.js calls besides, with parameters that it chooses. Both together are `rpcwhitelist=ui:` in bitcoin.conf and
// litecoin.conf, by which the daemon refuses what should get past this list.
const ownMethods = ['getblock'];
const newestBlocks = 8;
const justArrived = 2; // headers: the blocks of so few are on their way
const inWarmup = -28; // RPC_IN_WARMUP in Bitcoin Core's src/rpc/protocol.h

/** What calls.js says of a request, with the `body` to send on where it is let through. */
function judge(text) {
  const judged = calls.judge(text, { methods: methods, mostCalls: mostCalls, mostParams: mostParams, isParam: isParam });
  if (judged.status !== 200) return judged;
  const written = judged.calls.map((call) => ({ jsonrpc: '1.0', id: call.id, method: call.method, params: call.params }));
  return { status: 200, body: JSON.stringify(judged.batch ? written : written[0]) };
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

/** It has headers whose blocks it fetches and checks; html/node/state.js says the same. */
function isBehind(chain) {
  return chain.blocks < chain.headers && (chain.initialblockdownload || chain.headers - chain.blocks > justArrived);
}

/** It has all blocks there are, as far as it can know; html/node/state.js says the same. The apps above it judge it by this, too. */
function isSynced(chain) {
  return !isBehind(chain) && (!chain.initialblockdownload || chain.chain === 'regtest');
}

/**
 * What an app above it learns from the answer to /rest/chaininfo.json: {chain, held, message}. Without the node's word about its
 * chain, `chain` is null, and `message` goes on after "lnd is". `held` is true of a node that is there but holds the call back,
 * or is too busy: what was said last still counts for a while.
 */
function node(reply) {
  const info = calls.json(reply);
  if (info !== null) return { chain: told(info), held: false, message: null };
  // As src/rest.cpp of Bitcoin Core has it. The other 503 is that of a queue that is full.
  const starts = /^Service temporarily unavailable: (.+)/.exec(reply.status === 503 ? reply.responseText || '' : '');
  if (starts !== null) return { chain: null, held: false, message: `waiting for bitcoin, which is ${starting(starts[1])}` };
  return { chain: null, held: reply.status === 503 || reply.status === 504, message: 'waiting for bitcoin, which does not answer' };
}

function told(info) {
  return { chain: info.chain, blocks: info.blocks, headers: info.headers, initialblockdownload: info.initialblockdownload };
}

/** What an app above it says while it is not complete. */
const waitingForNode = 'waiting for bitcoin, which has not all blocks yet';

/** What an app waits for that does not begin on a chain whose newest block is old: on regtest no other comes unless somebody mines. */
function waitingForBlock(chain) {
  if (chain.blocks === 0) return 'waiting for the first block of regtest: mine one';
  return 'waiting for a new block of regtest, the newest being old: mine one';
}

/**
 * From the answer to `asked` (`status` and `text` of the HTTP answer) and the memory of ready.js: the memory with a new verdict.
 *
 * Ready is a node that has left its initial block download, has the blocks whose headers it has, and may talk to others. It leaves
 * that download when its newest block is less than a day old and has as much work as a chain of its release must have, and
 * enters it again only when it is restarted. One that merely fetches the newest block does not take its dependants' readiness
 * away for a second. On regtest nobody mines unless asked, so that the newest block is often old: there the download does not count.
 *
 * How many peers it has does not count either. Without any it cannot know of newer blocks, but it answers for those it has, and so do
 * electrs and lnd above it: to call them unready with the internet away would take back what still works. Peers come and go by
 * themselves, and a node has none for a while after each start; so the page warns ("No peers"), and that is all. Networking that
 * is switched off stays so until somebody switches it on: then it is not ready.
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

/** The replies in an answer: to each call of a batch, or one to the whole; none when it is no JSON, and the status says the rest. */
function read(text) {
  try {
    const said = JSON.parse(text);
    return (Array.isArray(said) ? said : [said]).filter((reply) => reply !== null && typeof reply === 'object');
  } catch (error) {
    return [];
  }
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
      return 'refusing its page a call';
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
