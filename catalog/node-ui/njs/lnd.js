// What nginx does for the page of lnd; the locations are in nginx/lnd.conf.

import calls from './calls.js';
import lightning from './lightning.js';
import ready from './ready.js';

/** GET /api/overview: lnd's state and, when its page has a key and lnd its wallet open, who it is and what it has. */
async function overview(r) {
  const seen = await look(r, '');
  const memory = lightning.verdict(seen, ready.recall(), ready.seconds());
  ready.remember(memory);
  if (seen.status !== 200) {
    r.return(seen.status);
    return;
  }
  const more = seen.info === null ? [null, null] : await Promise.all([ask(r, '/ask-lnd/wallet'), ask(r, '/ask-lnd/balances')]);
  const told = lightning.told.overview({ state: seen.state }, seen.info, value(more[0]), value(more[1]), seen.node);
  told.verdict = memory.verdict;
  told.info_status = seen.infoStatus;
  told.awaits_block = lightning.awaitsBlock(seen, ready.seconds());
  send(r, told);
}

function channels(r) {
  return answer(r, 'channels', ['/ask-lnd/channels', '/ask-lnd/pending']);
}

function peers(r) {
  return answer(r, 'peers', ['/ask-lnd/peers']);
}

function activity(r) {
  return answer(r, 'activity', ['/ask-lnd/invoices', '/ask-lnd/payments']);
}

/** GET /ready. */
async function readiness(r) {
  const seen = await look(r, '-briefly');
  const memory = lightning.verdict(seen, ready.recall(), ready.seconds());
  ready.remember(memory);
  ready.answer(r, memory.verdict);
}

/** What lightning.js judges by. Everything at once: whoever asks waits two seconds at most. */
async function look(r, manner) {
  const hasKey = r.variables.macaroon !== '';
  const answers = await Promise.all([
    ask(r, `/ask-lnd/state${manner}`),
    hasKey ? ask(r, `/ask-lnd/info${manner}`) : { status: 0, value: null },
    ask(r, '/ask-node/chain'),
  ]);
  const state = answers[0];
  return {
    status: state.status === 200 && state.value === null ? 502 : state.status,
    state: state.value === null ? null : state.value.state,
    infoStatus: answers[1].status,
    info: answers[1].value,
    node: answers[2].value === null ? null : chain(answers[2].value),
  };
}

/** Of what bitcoind says of its chain, what is used here. */
function chain(info) {
  return { chain: info.chain, blocks: info.blocks, headers: info.headers, initialblockdownload: info.initialblockdownload };
}

/** Asks lnd all of `questions` and tells the page what it may know of the answers; or how the first failed. */
async function answer(r, what, questions) {
  if (r.variables.macaroon === '') {
    r.return(503, "This page's key to lnd, the read-only macaroon, is not there yet.\n");
    return;
  }
  const answers = await Promise.all(questions.map((question) => ask(r, question)));
  const failed = answers.find((one) => one.value === null);
  if (failed !== undefined) {
    r.return(failed.status === 200 ? 502 : failed.status);
    return;
  }
  send(r, lightning.told[what].apply(null, answers.map((one) => one.value)));
}

/** {status, value}: the answer as JSON, null when there is none. */
async function ask(r, question) {
  const reply = await r.subrequest(question);
  return { status: reply.status, value: calls.json(reply) };
}

function value(answered) {
  return answered === null ? null : answered.value;
}

function send(r, what) {
  r.headersOut['Content-Type'] = 'application/json';
  r.return(200, JSON.stringify(what));
}

export default { overview, channels, peers, activity, readiness };
