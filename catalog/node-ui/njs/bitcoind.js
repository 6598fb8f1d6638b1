// What nginx does for the page of a daemon of bitcoind's kind; the locations are in nginx/bitcoind.conf.

import chain from './chain.js';
import ready from './ready.js';

/** POST /rpc: passes reads on to the daemon and refuses everything else. */
async function rpc(r) {
  const judged = chain.judge(r.requestText || '');
  if (judged.status !== 200) {
    r.warn(`refused ${judged.reason}`);
    r.return(judged.status, `This page may not ask that: ${judged.reason}.\n`);
    return;
  }
  const reply = await r.subrequest('/ask-daemon', { method: 'POST', body: judged.body });
  r.headersOut['Content-Type'] = 'application/json';
  r.return(reply.status, reply.responseText);
}

/** GET /ready. */
async function readiness(r) {
  const call = { jsonrpc: '1.0', id: 'ready', method: 'getblockchaininfo', params: [] };
  const reply = await r.subrequest('/ask-daemon-briefly', { method: 'POST', body: JSON.stringify(call) });
  const now = Math.floor(Date.now() / 1000);
  const memory = chain.verdict(reply.status, reply.responseText || '', ready.recall(), now);
  ready.remember(memory);
  ready.answer(r, memory.verdict);
}

export default { rpc, readiness };
