// The calls that a page may make to electrs, and the verdict on readiness from its answers. Pure.
// The calls are those of https://electrumx.readthedocs.io/en/latest/protocol-methods.html

import calls from './calls.js';
import chain from './chain.js';
import progress from './progress.js';
import ready from './ready.js';

// The page's own calls, which look up one script hash each. electrs has no whitelist and would obey
// `blockchain.transaction.broadcast`, so this list is the guard. Further calls of electrs.js are
// not allowed to a browser: a call for a header that comes too early ends electrs 0.12.
const methods = ['blockchain.scripthash.get_balance', 'blockchain.scripthash.get_history', 'blockchain.scripthash.subscribe'];
const mostCalls = 3;
const mostParams = 1;
const longestHistory = 500; // entries that are passed on and shown
const indexMissing = -32603; // electrs' `unavailable index`

/** The result of calls.js for a request, with the `line` to send on if it is allowed. */
function judge(text) {
  const judged = calls.judge(text, { methods: methods, mostCalls: mostCalls, mostParams: mostParams, isParam: isParam });
  if (judged.status !== 200) return judged;
  return { status: 200, batch: judged.batch, line: line(judged.calls) };
}

/** Calls ([{method, params}, …]) as a line for electrs; `id` is the index of a call. */
function line(asked) {
  return JSON.stringify(asked.map((call, i) => ({ jsonrpc: '2.0', id: i, method: call.method, params: call.params })));
}

/** A script hash in hexadecimal. */
function isParam(value) {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

/**
 * electrs' answers in the order of the calls, each {result} or {error: {code, message}}. A long
 * list is cut to its newest entries, which come last, and `total` is its full length. Returns null
 * if the text is not an answer to `count` calls.
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

/** The last indexed block in electrs' metrics; null if they lack it, as they do since 0.12. */
function heightInMetrics(text) {
  const found = text === null ? null : /^electrs_index_height\{type="tip"\} (\d+)$/m.exec(text);
  return found === null ? null : Number(found[1]);
}

/**
 * Whether electrs has begun: the metrics of its server's loop show that it has read its node's
 * blocks once. Before that it accepts calls without answering them while its node is in its initial
 * download, and 0.12 ends at the first call for a header.
 */
function hasBegun(metrics) {
  return metrics !== null && /^electrs_server_loop_duration_count\{step="sync"\} [1-9]/m.test(metrics);
}

/**
 * The observations of one turn, from
 *   electrs  {status, replies}: the HTTP status, and the replies to a batch that begins with
 *            `headline`, or null; null if electrs was not asked
 *   metrics  {status, text}: the HTTP status, and electrs' metrics, or null
 *   node     the result of `node` in chain.js
 * as {runs, waiting, held, answers, indexing, status, height, node, nodeHeld, nodeTrouble,
 * replies}. `waiting` is true of an electrs that runs but has not begun: it would not answer a call
 * now.
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
 * The reason why electrs waits: 'bitcoin' while the node is not complete, 'block' while somebody
 * must mine one on regtest, or null. electrs begins only after the node has left its initial download by
 * the node's own account, and a node counts itself as in that download while its newest block is
 * old, even on regtest.
 */
function waitsFor(seen) {
  if (seen.node === null) return null;
  if (!chain.isSynced(seen.node)) return 'bitcoin';
  return seen.node.initialblockdownload && seen.waiting ? 'block' : null;
}

/**
 * Returns the memory of ready.js with a new verdict. electrs is ready if it answers a call that
 * needs its index and has indexed its node's blocks. It stays ready while it reads one new block.
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
  if (seen.indexing) return ready.said(ready.no('compacting its new index'), memory.samples, now);
  // While it reads many blocks at once, it answers nobody.
  if (seen.held) return ready.kept(memory, now, 'not answering, as when it builds its index');
  if (seen.status === 200) return ready.said(ready.no('giving answers that cannot be read'), memory.samples, now);
  return ready.said(ready.no('not answering'), memory.samples, now);
}

export default { methods, headline, judge, line, replies, heightInMetrics, hasBegun, look, waitsFor, verdict };
