// Asks electrs for the history of a script hash, through the page's own server.
import { ask, withoutAnswer } from '../shared/answer.js';

/**
 * {balance, history, total} of a script hash, or {trouble}, a sentence. `history` are the newest
 * entries, oldest first, of `total`. Never throws.
 */
export async function lookUp(hash, config) {
  // After a subscription electrs looks the history up once for all three calls.
  const calls = ['subscribe', 'get_balance', 'get_history'].map((what) => ({ method: `blockchain.scripthash.${what}`, params: [hash] }));
  const answer = await ask('electrum', 'json', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(calls),
    signal: AbortSignal.timeout(20000),
  });
  if (answer.kind === 'failed' && answer.message.startsWith('HTTP 507')) {
    return { trouble: 'Its history has tens of thousands of transactions, more than this page reads. A wallet gets all of it.' };
  }
  if (answer.kind === 'failed' && answer.message.startsWith('HTTP 503')) {
    return { trouble: 'electrs has not begun yet; the top of this page gives the reason. Try again when it is in sync.' };
  }
  if (answer.kind === 'silent') {
    return { trouble: 'electrs gave no answer within 15 seconds: the history is long, or the server is busy. Try again later.' };
  }
  const trouble = withoutAnswer(answer, config);
  if (trouble !== null) return { trouble: `${trouble.headline}. ${trouble.detail}` };
  const failed = answer.value.find((reply) => reply.error);
  if (failed) return { trouble: `electrs says: ${failed.error.message}` };
  const [, balance, history] = answer.value;
  return { balance: balance.result, history: history.result, total: history.total ?? history.result.length };
}
