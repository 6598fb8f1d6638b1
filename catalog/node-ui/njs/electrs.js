// Handlers for the page of electrs. The locations are in nginx/electrs.conf.

import fromPage from './calls.js';
import chain from './chain.js';
import electrum from './electrum.js';
import ready from './ready.js';

const details = [
  { method: 'server.features', params: [] },
  { method: 'mempool.get_fee_histogram', params: [] },
  { method: 'blockchain.estimatefee', params: [2] },
  { method: 'blockchain.estimatefee', params: [6] },
  { method: 'blockchain.estimatefee', params: [144] },
];

/** POST /electrum: passes allowed reads on to electrs and refuses everything else. */
async function calls(r) {
  const judged = electrum.judge(r.requestText || '');
  if (judged.status !== 200) {
    r.warn(`refused ${judged.reason}`);
    r.return(judged.status, `This page may not make that request: ${judged.reason}.\n`);
    return;
  }
  const told = await metrics(r);
  if (told.text === null) {
    r.return(told.status === 504 ? 504 : 502);
    return;
  }
  if (!electrum.hasBegun(told.text)) {
    r.return(503, 'electrs has not begun.\n');
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
    r.return(502, 'electrs gave an answer that cannot be read.\n');
    return;
  }
  r.headersOut['Content-Type'] = 'application/json';
  r.return(200, JSON.stringify(judged.batch ? answers : answers[0]));
}

/** GET /api/status: everything the page shows of the server, in one answer. */
async function status(r) {
  const answers = await Promise.all([look(r, '-for-page', electrum.headline.concat(details)), r.subrequest('/ask-node/mempool')]);
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
    reached: seen.runs,
    waits_for: electrum.waitsFor(seen),
    version: features === null ? null : features.server_version,
    height: seen.height,
    node: seen.node,
    node_trouble: seen.nodeTrouble,
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

/**
 * The observations that electrum.js judges. electrs itself is asked last, and only if it can
 * answer.
 */
async function look(r, manner, batch) {
  const asked = await Promise.all([r.subrequest(`/ask-node/chain${manner}`), metrics(r)]);
  const node = chain.node(asked[0]);
  if (node.chain === null || !electrum.hasBegun(asked[1].text)) return electrum.look(null, asked[1], node);
  const answer = await r.subrequest(`/ask-electrs${manner}`, { method: 'POST', body: electrum.line(batch) });
  const replies = answer.status === 200 ? electrum.replies(answer.responseText, batch.length) : null;
  return electrum.look({ status: answer.status, replies: replies }, asked[1], node);
}

/** {status, text}: electrs' metrics, null if there are none. They are empty at its start. */
async function metrics(r) {
  const reply = await r.subrequest('/ask-metrics');
  return { status: reply.status, text: reply.status === 200 ? reply.responseText || '' : null };
}

export default { calls, status, readiness };
