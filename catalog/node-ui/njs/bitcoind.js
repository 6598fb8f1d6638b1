// Handlers for the page of bitcoind or litecoind. The locations are in nginx/bitcoind.conf.

import calls from './calls.js';
import chain from './chain.js';
import ready from './ready.js';

/** POST /rpc: passes allowed reads on to the daemon and refuses everything else. */
async function rpc(r) {
  const judged = chain.judge(r.requestText || '');
  if (judged.status !== 200) {
    r.warn(`refused ${judged.reason}`);
    r.return(judged.status, `This page may not make that request: ${judged.reason}.\n`);
    return;
  }
  const reply = await r.subrequest('/ask-daemon', { method: 'POST', body: judged.body });
  r.headersOut['Content-Type'] = 'application/json';
  r.return(reply.status, reply.responseText);
}

/** GET /ready. */
async function readiness(r) {
  const batch = chain.asked.map((method, id) => ({ jsonrpc: '1.0', id: id, method: method, params: [] }));
  const reply = await r.subrequest('/ask-daemon-briefly', { method: 'POST', body: JSON.stringify(batch) });
  const memory = chain.verdict(reply.status, reply.responseText || '', ready.recall(), ready.seconds());
  ready.remember(memory);
  ready.answer(r, memory.verdict);
}

/**
 * GET /blocks: the latest blocks as [{hash, height, time, size, weight, txs}], newest first. The
 * daemon's answer about a block lists every transaction, some 300 kB; it is not passed on, and each
 * block is fetched once for all readers.
 */
async function blocks(r) {
  const kept = ngx.shared.blocks.get('newest');
  const known = kept === undefined ? [] : JSON.parse(kept);
  const found = [];
  let reply = await ask(r, 'getblockchaininfo', []);
  let hash = reply.result === null ? null : reply.result.bestblockhash;
  while (hash && found.length < chain.newestBlocks) {
    let block = known.find((one) => one.hash === hash);
    if (block === undefined) {
      reply = await ask(r, 'getblock', [hash, 1]);
      // A node may have a header without its block. Show the newer blocks all the same.
      if (reply.result === null) break;
      block = chain.block(reply.result);
    }
    found.push(block);
    hash = block.previous;
  }
  if (found.length === 0) {
    r.return(reply.status >= 400 ? reply.status : 502);
    return;
  }
  const text = JSON.stringify(found);
  ngx.shared.blocks.set('newest', text);
  r.headersOut['Content-Type'] = 'application/json';
  r.return(200, text);
}

/** One call: {status, result}. The result is null unless the call succeeded. */
async function ask(r, method, params) {
  const call = { jsonrpc: '1.0', id: 'page', method: method, params: params };
  const reply = await r.subrequest('/ask-daemon', { method: 'POST', body: JSON.stringify(call) });
  const answer = calls.json(reply);
  return { status: reply.status, result: answer === null || !answer.result ? null : answer.result };
}

export default { rpc, readiness, blocks };
