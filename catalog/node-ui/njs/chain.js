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

/**
 * From the answer to getblockchaininfo (`status` and `text` of the HTTP answer) and the memory of ready.js: the memory
 * with a new verdict.
 *
 * Ready is a node that left its initial block download. It leaves it once, when its newest block is less than a day old
 * and has as much work as a chain of its release must have, and does not enter it again until it is restarted: a node that
 * merely fetches the newest block does not take its dependants' readiness away for a second. On regtest nobody mines unless
 * asked, so that the newest block is often old, and the node is ready once it has all that it knows of.
 */
function verdict(status, text, memory, now) {
  if (status === 504) return { samples: memory.samples, verdict: ready.meanwhile(memory, now), time: memory.time };
  let reply = null;
  try {
    reply = JSON.parse(text);
  } catch (error) {
    // Not JSON: the status says the rest.
  }
  if (reply !== null && reply.error && reply.error.code === inWarmup) return ready.said(ready.no(starting(reply.error.message)), [], now);
  const chain = reply !== null && reply.result ? reply.result : null;
  if (status !== 200 || chain === null) return ready.said(ready.no(trouble(status)), memory.samples, now);
  if (!chain.initialblockdownload || (chain.chain === 'regtest' && chain.blocks >= chain.headers)) return ready.said(ready.yes(), [], now);
  if (chain.blocks === 0) {
    const at = chain.headers > 0 ? `, at ${progress.grouped(chain.headers)}` : '';
    return ready.said(ready.no(`fetching headers${at}`), [], now);
  }
  const samples = progress.noted(memory.samples, chain.verificationprogress, now);
  if (chain.blocks >= chain.headers) return ready.said(ready.no('looking for newer blocks'), samples, now);
  return ready.said(ready.underWay(chain.verificationprogress, samples), samples, now);
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

export default { methods, ownMethods, newestBlocks, judge, verdict, block };
