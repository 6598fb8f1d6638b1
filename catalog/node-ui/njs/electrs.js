// What nginx does for the page of electrs; the locations are in nginx/electrs.conf.

import fromPage from './calls.js';
import electrum from './electrum.js';
import ready from './ready.js';

const details = [
  { method: 'server.features', params: [] },
  { method: 'mempool.get_fee_histogram', params: [] },
  { method: 'blockchain.estimatefee', params: [2] },
  { method: 'blockchain.estimatefee', params: [6] },
  { method: 'blockchain.estimatefee', params: [144] },
];

/** POST /electrum: passes reads on to electrs and refuses everything else. */
async function calls(r) {
  const judged = electrum.judge(r.requestText || '');
  if (judged.status !== 200) {
    r.warn(`refused ${judged.reason}`);
    r.return(judged.status, `This page may not ask that: ${judged.reason}.\n`);
    return;
  }
  const reply = await r.subrequest('/ask-electrs', { method: 'POST', body: judged.line });
  if (reply.status === 507) {
    r.return(507, 'The answer is longer than this page reads.\n');
    return;
  }
  if (reply.status !== 200) {
    r.return(reply.status);
    return;
  }
  const count = JSON.parse(judged.line).length;
  const answers = electrum.replies(reply.responseText, count);
  if (answers === null) {
    r.return(502, 'electrs answered something else.\n');
    return;
  }
  r.headersOut['Content-Type'] = 'application/json';
  r.return(200, JSON.stringify(judged.batch ? answers : answers[0]));
}

/** GET /api/status: everything the page shows of the server, in one answer. */
async function status(r) {
  const answers = await Promise.all([look(r, '', electrum.headline.concat(details)), r.subrequest('/ask-node/mempool')]);
  const seen = answers[0];
  const memory = electrum.verdict(seen, ready.recall(), ready.seconds());
  ready.remember(memory);
  const said = seen.replies === null ? [] : seen.replies;
  const result = (i) => (said[i] && said[i].result !== undefined ? said[i].result : null);
  const first = electrum.headline.length;
  const features = result(first);
  r.headersOut['Content-Type'] = 'application/json';
  r.return(200, JSON.stringify({
    verdict: memory.verdict,
    reached: seen.status === 200,
    version: features === null ? null : features.server_version,
    height: seen.height,
    node: seen.node,
    mempool: fromPage.json(answers[1]),
    histogram: result(first + 1),
    fees: [[2, result(first + 2)], [6, result(first + 3)], [144, result(first + 4)]],
  }));
}

/** GET /ready. */
async function readiness(r) {
  const seen = await look(r, '-briefly', electrum.headline);
  const memory = electrum.verdict(seen, ready.recall(), ready.seconds());
  ready.remember(memory);
  ready.answer(r, memory.verdict);
}

async function look(r, manner, batch) {
  const line = electrum.judge(JSON.stringify(batch)).line;
  const answers = await Promise.all([
    r.subrequest(`/ask-electrs${manner}`, { method: 'POST', body: line }),
    r.subrequest(`/ask-metrics`),
    r.subrequest(`/ask-node/chain${manner}`),
  ]);
  const replies = answers[0].status === 200 ? electrum.replies(answers[0].responseText, batch.length) : null;
  const metrics = answers[1].status === 200 ? answers[1].responseText : '';
  return electrum.look({ status: answers[0].status, replies: replies }, metrics, chain(fromPage.json(answers[2])));
}

/** Of what bitcoind says of its chain, what is used here. */
function chain(info) {
  if (info === null) return null;
  return {
    chain: info.chain,
    blocks: info.blocks,
    headers: info.headers,
    initialblockdownload: info.initialblockdownload,
    verificationprogress: info.verificationprogress,
  };
}

export default { calls, status, readiness };
