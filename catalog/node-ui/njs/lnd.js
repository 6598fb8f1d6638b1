// Handlers for the page of lnd. The locations are in nginx/lnd.conf.

import calls from './calls.js';
import chain from './chain.js';
import lightning from './lightning.js';
import ready from './ready.js';

const notAsked = { status: 0, value: null };

/**
 * GET /api/overview: lnd's state; its identity and balances too, if the page has the macaroon and
 * the wallet is open.
 */
async function overview(r) {
  const first = await Promise.all([ask(r, '/ask-lnd/state'), r.subrequest('/ask-node/chain-for-page')]);
  const node = chain.node(first[1]);
  // Without its node, lnd does not answer before the timeout.
  const about = node.chain === null ? notAsked : await askAbout(r, '');
  const seen = look(first[0], about, node);
  const memory = lightning.verdict(seen, ready.recall(), ready.seconds());
  ready.remember(memory);
  if (seen.status !== 200) {
    r.return(seen.status);
    return;
  }
  const more = seen.info === null ? [null, null] : await Promise.all([ask(r, '/ask-lnd/wallet'), ask(r, '/ask-lnd/balances')]);
  const told = lightning.told.overview({ state: seen.state }, seen.info, value(more[0]), value(more[1]), node.chain);
  told.verdict = memory.verdict;
  told.info_status = seen.infoStatus;
  told.node_trouble = node.message;
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

/** GET /ready. Asks everything at once: the manager waits two seconds at most. */
async function readiness(r) {
  const answers = await Promise.all([
    ask(r, '/ask-lnd/state-briefly'),
    askAbout(r, '-briefly'),
    r.subrequest('/ask-node/chain-briefly'),
  ]);
  const memory = lightning.verdict(look(answers[0], answers[1], chain.node(answers[2])), ready.recall(), ready.seconds());
  ready.remember(memory);
  ready.answer(r, memory.verdict);
}

/** lnd's getinfo, if the page has the macaroon. */
function askAbout(r, manner) {
  return r.variables.macaroon === '' ? notAsked : ask(r, `/ask-lnd/info${manner}`);
}

/** The observations that lightning.js judges. */
function look(state, about, node) {
  return {
    status: state.status === 200 && state.value === null ? 502 : state.status,
    state: state.value === null ? null : state.value.state,
    infoStatus: about.status,
    info: about.value,
    node: node,
  };
}

/**
 * Asks lnd all of `questions` and answers with the allowed fields, or with the status of the first
 * failure.
 */
async function answer(r, what, questions) {
  if (r.variables.macaroon === '') {
    r.return(503, "This page does not have lnd's read-only macaroon yet.\n");
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

/** {status, value}: the answer as JSON, or null. */
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
