// The fields of lnd's answers that reach the page, and the verdict on readiness from them. Pure.
//
// Only the fields listed here leave nginx. lnd's lists hold more than a page needs: an invoice
// holds its preimage, the proof of payment; a payment holds its route. The answers are described at
// https://lightning.engineering/api-docs/api/lnd/rest-endpoints; 64-bit numbers are strings.

import chain from './chain.js';
import progress from './progress.js';
import ready from './ready.js';

const info = [
  'alias', 'color', 'identity_pubkey', 'uris', 'version', 'block_height', 'best_header_timestamp', 'synced_to_chain',
  'synced_to_graph', 'num_peers', 'num_active_channels', 'num_inactive_channels', 'num_pending_channels',
];
const wallet = ['total_balance', 'confirmed_balance', 'unconfirmed_balance', 'locked_balance', 'reserved_balance_anchor_chan'];
const channel = [
  'active', 'remote_pubkey', 'peer_alias', 'channel_point', 'capacity', 'local_balance', 'remote_balance', 'unsettled_balance',
  'local_chan_reserve_sat', 'total_satoshis_sent', 'total_satoshis_received', 'private', 'initiator',
];
const pending = ['remote_node_pub', 'channel_point', 'capacity', 'local_balance', 'remote_balance'];
const closing = ['limbo_balance', 'blocks_til_maturity', 'closing_txid', 'maturity_height'];
const peer = ['pub_key', 'address', 'inbound', 'ping_time', 'bytes_sent', 'bytes_recv', 'sat_sent', 'sat_recv'];
const invoice = ['memo', 'value', 'amt_paid_sat', 'state', 'creation_date', 'settle_date', 'expiry', 'is_keysend', 'add_index'];
const payment = ['payment_index', 'value_sat', 'fee_sat', 'status', 'creation_time_ns', 'failure_reason'];
const mostChannels = 500;
const mostPeers = 200;
const mostMoves = 20;

/** The named fields that an object has. */
function pick(from, fields) {
  const to = {};
  if (from === null || typeof from !== 'object') return to;
  fields.forEach((field) => {
    if (from[field] !== undefined) to[field] = from[field];
  });
  return to;
}

/** The first `most` entries of a list, each with the named fields. */
function list(from, fields, most) {
  return (Array.isArray(from) ? from : []).slice(0, most).map((one) => pick(one, fields));
}

/**
 * The answers for the page, by the name of the request. Each function takes lnd's answers in the
 * order of the questions.
 */
const told = {
  overview: (state, about, onChain, inChannels, node) => ({
    state: state.state,
    info: about === null ? null : pick(about, info),
    wallet: onChain === null ? null : pick(onChain, wallet),
    channels: inChannels === null ? null : {
      local: amount(inChannels.local_balance),
      remote: amount(inChannels.remote_balance),
      unsettled: amount(inChannels.unsettled_local_balance),
    },
    node: node,
  }),
  channels: (open, waiting) => ({
    total: open.channels ? open.channels.length : 0,
    open: list(open.channels, channel, mostChannels),
    pending: []
      .concat(group(waiting.pending_open_channels, 'opening'))
      .concat(group(waiting.waiting_close_channels, 'closing'))
      .concat(group(waiting.pending_force_closing_channels, 'closing by force'))
      .slice(0, mostChannels),
  }),
  peers: (answer) => ({ total: answer.peers ? answer.peers.length : 0, peers: list(answer.peers, peer, mostPeers) }),
  activity: (invoices, payments) => ({
    invoices: list(invoices.invoices, invoice, mostMoves),
    payments: list(payments.payments, payment, mostMoves),
  }),
};

function amount(value) {
  return value && value.sat !== undefined ? value.sat : '0';
}

function group(entries, what) {
  const all = Array.isArray(entries) ? entries : [];
  return all.map((entry) => Object.assign({ what: what }, pick(entry.channel, pending), pick(entry, closing)));
}

const oldS = 7200; // IsSynced in lnd's lnwallet/btcwallet/btcwallet.go

/**
 * Whether lnd at `height` has seen the whole chain. lnd's own `synced_to_chain` is also false when
 * no block came for two hours, so the node's height decides.
 */
function complete(height, node) {
  return height >= node.blocks && chain.isSynced(node);
}

/**
 * On regtest: lnd has all blocks, but its server does not start before there is a block less than
 * two hours old.
 */
function awaitsBlock(seen, now) {
  const node = seen.node.chain;
  if (seen.state !== 'RPC_ACTIVE' || seen.info === null || node === null || node.chain !== 'regtest') return false;
  return complete(seen.info.block_height, node) && now - Number(seen.info.best_header_timestamp) > oldS;
}

const early = { WAITING_TO_START: 'starting', NON_EXISTING: 'without a wallet', LOCKED: 'opening its wallet' };

/**
 * Returns the memory of ready.js with a new verdict, from the observations `seen`: `status` and
 * `state` of the answer to /v1/state, `infoStatus` and `info` of getinfo (0 and null if not asked),
 * and `node`, the result of `node` in chain.js. Once its wallet is open, lnd does nothing without
 * its node, and the node describes its own state better: so trouble of the node comes first.
 */
function verdict(seen, memory, now) {
  if (seen.status !== 200 && seen.status !== 504) return ready.said(ready.no('not answering'), memory.samples, now);
  if (early[seen.state] !== undefined) return ready.said(ready.no(early[seen.state]), [], now);
  if (seen.node.held) return ready.kept(memory, now, seen.node.message);
  if (seen.node.chain === null) return ready.said(ready.no(seen.node.message), memory.samples, now);
  if (seen.status === 504) return ready.kept(memory, now, 'not answering');
  switch (seen.state) {
    case 'UNLOCKED':
      return ready.said(ready.no('starting'), [], now);
    case 'RPC_ACTIVE':
    case 'SERVER_ACTIVE':
      return seen.info === null ? closed(seen, memory, now) : running(seen, memory, now);
    default:
      return ready.said(ready.no(`in an unknown state: ${seen.state}`), [], now);
  }
}

/** lnd runs, but getinfo has no answer. */
function closed(seen, memory, now) {
  if (seen.infoStatus === 0) return ready.said(ready.no('running, but its page does not have the read-only macaroon yet'), [], now);
  if (seen.infoStatus === 504) return ready.kept(memory, now, 'not answering its page, as when it does not reach bitcoin');
  if (seen.state === 'RPC_ACTIVE') return ready.said(ready.no('starting, and waiting for the chain'), memory.samples, now);
  return ready.said(ready.no(`unable to reach bitcoin, or refusing its page (HTTP ${seen.infoStatus})`), [], now);
}

function running(seen, memory, now) {
  const node = seen.node.chain;
  const height = seen.info.block_height;
  const isServer = seen.state === 'SERVER_ACTIVE';
  if (isServer && (seen.info.synced_to_chain || complete(height, node))) return ready.said(ready.yes(), [], now);
  if (node.blocks > height) {
    const samples = progress.noted(memory.samples, height / node.blocks, now);
    const under = ready.underWay(height / node.blocks, samples);
    under.message = `catching up, block ${progress.grouped(height)} of ${progress.grouped(node.blocks)}`;
    return ready.said(under, samples, now);
  }
  if (awaitsBlock(seen, now)) return ready.said(ready.no(chain.waitingForBlock(node)), [], now);
  if (isServer) return ready.said(ready.no(chain.waitingForNode), memory.samples, now);
  return ready.said(ready.no(`catching up, at block ${progress.grouped(height)}`), memory.samples, now);
}

export default { told, awaitsBlock, verdict };
