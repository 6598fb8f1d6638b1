// What electrs may be asked through its page, and what its answers say about its readiness. Pure.
// The calls are those of https://electrumx.readthedocs.io/en/latest/protocol-methods.html

import calls from './calls.js';
import chain from './chain.js';
import progress from './progress.js';
import ready from './ready.js';

// What the page itself calls to look an address up, each with one script hash. electrs has no list of its own:
// `blockchain.transaction.broadcast` would be obeyed, so this is the guard. What electrs.js asks besides is not for a browser to
// ask: electrs 0.12 ends over a call for a header that comes too early.
const methods = ['blockchain.scripthash.get_balance', 'blockchain.scripthash.get_history', 'blockchain.scripthash.subscribe'];
const mostCalls = 3;
const mostParams = 1;
const longestHistory = 500; // entries that are passed on; a page shows no more
const indexMissing = -32603; // electrs' `unavailable index`

/** What calls.js says of a request, with the `line` to send on where it is let through. */
function judge(text) {
  const judged = calls.judge(text, { methods: methods, mostCalls: mostCalls, mostParams: mostParams, isParam: isParam });
  if (judged.status !== 200) return judged;
  return { status: 200, batch: judged.batch, line: line(judged.calls) };
}

/** Calls ([{method, params}, …]) as electrs reads them; `id` is a call's place among them. */
function line(asked) {
  return JSON.stringify(asked.map((call, i) => ({ jsonrpc: '2.0', id: i, method: call.method, params: call.params })));
}

/** A script hash in hexadecimal. */
function isParam(value) {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

/**
 * electrs' answers in the order of the calls, each {result} or {error: {code, message}}. Of a long list only the newest
 * entries, which come last; `total` then says how many there are. null when it is not an answer to `count` calls.
 */
function replies(text, count) {
  let said;
  try {
    said = JSON.parse(text);
  } catch (error) {
    return null;
  }
  if (!Array.isArray(said) || said.length !== count) return null;
  const ordered = [];
  for (let i = 0; i < count; i += 1) {
    const reply = said.find((one) => one !== null && typeof one === 'object' && one.id === i);
    if (reply === undefined) return null;
    if (reply.error) {
      ordered.push({ error: { code: reply.error.code, message: ready.plain(reply.error.message) } });
    } else if (Array.isArray(reply.result) && reply.result.length > longestHistory) {
      ordered.push({ result: reply.result.slice(-longestHistory), total: reply.result.length });
    } else {
      ordered.push({ result: reply.result });
    }
  }
  return ordered;
}

/** The last indexed block in electrs' metrics, which only versions before 0.12 tell there; null where they do not. */
function heightInMetrics(text) {
  const found = text === null ? null : /^electrs_index_height\{type="tip"\} (\d+)$/m.exec(text);
  return found === null ? null : Number(found[1]);
}

/**
 * Whether electrs has begun: metrics of its server's loop tell that it has looked at its node's blocks once. Before that it takes
 * calls and keeps them, for as long as its node is in its initial download, and 0.12 ends over the first call for a header.
 */
function hasBegun(metrics) {
  return metrics !== null && /^electrs_server_loop_duration_count\{step="sync"\} [1-9]/m.test(metrics);
}

/**
 * What was learnt in one look, from
 *   electrs  {status, replies}: of the HTTP answer, and of a batch that begins with `headline`, or null; null if it was not asked
 *   metrics  {status, text}: of the HTTP answer, and electrs' metrics, or null
 *   node     as `node` of chain.js
 * as {runs, waiting, held, answers, indexing, status, height, node, nodeHeld, nodeTrouble, replies}. `waiting` is one that runs and
 * has not begun: whatever it were asked now, it would keep until it does.
 */
const headline = [
  { method: 'server.banner', params: [] },
  { method: 'blockchain.headers.subscribe', params: [] },
];
function look(electrs, metrics, node) {
  const said = electrs === null ? null : electrs.replies;
  const tip = said !== null && said[1].result ? said[1].result.height : null;
  return {
    runs: metrics.text !== null,
    waiting: metrics.text !== null && !hasBegun(metrics.text),
    held: metrics.status === 504 || (electrs !== null && electrs.status === 504),
    answers: said !== null && typeof said[0].result === 'string',
    indexing: said !== null && Boolean(said[0].error) && said[0].error.code === indexMissing,
    status: electrs === null ? 0 : electrs.status,
    height: tip !== null ? tip : heightInMetrics(metrics.text),
    node: node.chain,
    nodeHeld: node.held,
    nodeTrouble: node.message,
    replies: said,
  };
}

/**
 * What an electrs waits for: 'bitcoin', without all of whose blocks it is of no use, or a 'block' that somebody mines on regtest;
 * null if for neither. Before it begins, it goes by the node's own word about its initial download, in which a node counts itself
 * as long as its newest block is old, on regtest, too.
 */
function waitsFor(seen) {
  if (seen.node === null) return null;
  if (!chain.isSynced(seen.node)) return 'bitcoin';
  return seen.node.initialblockdownload && seen.waiting ? 'block' : null;
}

/**
 * The memory of ready.js with a new verdict. Ready is an electrs that answers a call that needs its index, and has indexed
 * what its node has; one block that is just being read about takes no readiness away.
 */
function verdict(seen, memory, now) {
  const node = seen.node;
  if (seen.nodeHeld) return ready.kept(memory, now, seen.nodeTrouble);
  if (node === null) return ready.said(ready.no(seen.nodeTrouble), memory.samples, now);
  if (seen.height !== null && node.blocks - seen.height > 1) {
    const share = seen.height / node.blocks;
    const samples = progress.noted(memory.samples, share, now);
    const under = ready.underWay(share, samples);
    under.message = `catching up, block ${progress.grouped(seen.height)} of ${progress.grouped(node.blocks)}`;
    return ready.said(under, samples, now);
  }
  const waits = waitsFor(seen);
  if (waits === 'bitcoin') return ready.said(ready.no(chain.waitingForNode), [], now);
  if (waits === 'block') return ready.said(ready.no(chain.waitingForBlock(node)), [], now);
  if (seen.waiting) return ready.said(ready.no('starting'), memory.samples, now);
  if (seen.answers) return ready.said(ready.yes(), [], now);
  if (seen.indexing) return ready.said(ready.no('putting its new index in order'), memory.samples, now);
  // It reads many blocks at a time, and answers nobody meanwhile.
  if (seen.held) return ready.kept(memory, now, 'not answering, as when it builds its index');
  if (seen.status === 200) return ready.said(ready.no('giving answers that are none'), memory.samples, now);
  return ready.said(ready.no('not answering'), memory.samples, now);
}

export default { methods, headline, judge, line, replies, heightInMetrics, hasBegun, look, waitsFor, verdict };
