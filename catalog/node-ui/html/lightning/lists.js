// lnd's answers as table rows and texts. Pure. lnd sends 64-bit numbers as strings.
import { ago, bytes, count, milliseconds, moment } from '../shared/format.js';

/** Satoshis, as lnd sends them, as '1,234 sat'. */
export function sats(amount) {
  return `${count(Number(amount))} sat`;
}

/**
 * A public key or an outpoint, shortened to be read. The title has all of it, and a button copies
 * it.
 */
export function short(text) {
  return text.length > 20 ? `${text.slice(0, 8)}…${text.slice(-6)}` : text;
}

function copyOfKey(key, whose) {
  return { label: `public key of ${whose}`, value: key };
}

/** The line that identifies a channel: the outpoint of its money on the chain. */
function outpoint(point, whose) {
  return { text: short(point), copy: { label: `channel point of the channel with ${whose}, ${short(point)}`, value: point } };
}

export function channelRows(open) {
  return open
    .slice()
    .sort((a, b) => Number(b.capacity) - Number(a.capacity))
    .map((channel) => {
      const [ours, theirs] = [Number(channel.local_balance), Number(channel.remote_balance)];
      const share = ours + theirs === 0 ? 0 : ours / (ours + theirs);
      return {
        key: channel.channel_point,
        cells: [
          {
            text: name(channel),
            copy: copyOfKey(channel.remote_pubkey, name(channel)),
            under: `${channel.active ? 'Active' : 'Inactive'}${channel.private ? ', not announced' : ''}`,
            lines: [outpoint(channel.channel_point, name(channel))],
            title: channel.remote_pubkey,
          },
          { text: `${count(ours)} ours`, under: `${count(theirs)} theirs${onItsWay(channel)}`, share },
          { text: count(Number(channel.capacity)), className: 'number minor' },
        ],
      };
    });
}

function name({ peer_alias: alias, remote_pubkey: key }) {
  // For a node that lnd does not know, the alias is an error message.
  return alias && !alias.startsWith('unable to lookup peer alias') ? alias : short(key);
}

function onItsWay({ unsettled_balance: unsettled }) {
  return Number(unsettled ?? 0) > 0 ? `, ${count(Number(unsettled))} on its way` : '';
}

export function pendingRows(pending) {
  return pending.map((channel) => ({
    key: `${channel.what} ${channel.channel_point}`,
    cells: [
      {
        text: short(channel.remote_node_pub),
        copy: copyOfKey(channel.remote_node_pub, short(channel.remote_node_pub)),
        lines: [outpoint(channel.channel_point, short(channel.remote_node_pub))],
        title: channel.remote_node_pub,
      },
      { text: sentence(channel.what), under: until(channel) },
      { text: count(Number(ours(channel))), className: 'number' },
    ],
  }));
}

/** For a closing channel, the amount that has not come back yet. */
function ours({ what, local_balance: balance, limbo_balance: limbo }) {
  return what === 'opening' ? balance : (limbo ?? balance);
}

function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function until({ blocks_til_maturity: blocks }) {
  if (!(blocks > 0)) return null;
  return blocks === 1 ? '1 block to wait' : `${count(blocks)} blocks to wait`;
}

/** Sorted by key, since lnd lists its peers in another order each time. */
export function peerRows(peers) {
  const ordered = peers.slice().sort((a, b) => (a.pub_key < b.pub_key ? -1 : 1));
  return ordered.map(({ pub_key: key, address, inbound, ping_time: ping, bytes_sent: sent, bytes_recv: received }) => ({
    key,
    cells: [
      { text: short(key), copy: copyOfKey(key, short(key)), under: address, title: key },
      { text: inbound ? 'In' : 'Out' },
      { text: Number(ping) > 0 ? milliseconds(Number(ping) / 1e6) : '–', className: 'number' },
      { text: bytes(Number(sent) + Number(received)), className: 'number minor' },
    ],
  }));
}

const invoiceStates = { OPEN: 'Open', SETTLED: 'Paid', CANCELED: 'Cancelled', ACCEPTED: 'Being paid' };

/** `now` in seconds since 1970. An open invoice past its expiry can no longer be paid. */
export function invoiceRows(invoices, now) {
  return newestFirst(invoices, (invoice) => Number(invoice.creation_date)).map((invoice) => {
    const made = Number(invoice.creation_date);
    const over = invoice.state === 'OPEN' && made + Number(invoice.expiry ?? 0) < now;
    return {
      key: invoice.add_index,
      cells: [
        { text: invoice.memo || withoutMemo(invoice), under: when(made, now), title: moment(made) },
        { text: over ? 'Expired' : (invoiceStates[invoice.state] ?? invoice.state) },
        { text: count(Number(invoice.state === 'SETTLED' ? invoice.amt_paid_sat : invoice.value)), className: 'number' },
      ],
    };
  });
}

function withoutMemo({ is_keysend: isKeysend }) {
  return isKeysend ? 'Sent without an invoice' : 'Without a memo';
}

const paymentStates = { SUCCEEDED: 'Sent', FAILED: 'Failed', IN_FLIGHT: 'On its way', INITIATED: 'Started' };
const failures = {
  FAILURE_REASON_TIMEOUT: 'No route found in time',
  FAILURE_REASON_NO_ROUTE: 'No route to the recipient',
  FAILURE_REASON_INSUFFICIENT_BALANCE: 'Not enough in the channels',
  FAILURE_REASON_INCORRECT_PAYMENT_DETAILS: 'Refused by the recipient',
  FAILURE_REASON_CANCELED: 'Cancelled',
};

export function paymentRows(payments, now) {
  return newestFirst(payments, (payment) => Number(payment.creation_time_ns)).map((payment) => {
    const made = Math.floor(Number(payment.creation_time_ns) / 1e9);
    const why = payment.status === 'FAILED' ? (failures[payment.failure_reason] ?? 'Unknown reason') : null;
    const fee = payment.status === 'SUCCEEDED' ? `${count(Number(payment.fee_sat))} fee` : null;
    return {
      key: payment.payment_index,
      cells: [
        { text: when(made, now), title: moment(made) },
        { text: paymentStates[payment.status] ?? payment.status, under: why },
        { text: count(Number(payment.value_sat)), under: fee, className: 'number' },
      ],
    };
  });
}

/** Coarse, so that a row does not change at every turn. */
function when(then, now) {
  return now - then < 60 ? 'just now' : now - then < 86400 ? ago(then, now) : moment(then);
}

function newestFirst(list, time) {
  return list.slice().sort((a, b) => time(b) - time(a));
}
