// The panel that looks up a history.
import { count } from '../shared/format.js';
import * as page from '../shared/page.js';
import { AddressError, scriptHash } from './address.js';
import { coins, historyRows } from './figures.js';
import { lookUp } from './lookup.js';

/**
 * Sets the panel up. Returns a function to call with the height at each turn: at a new block it
 * looks the history up again.
 */
export function history(config) {
  const field = document.getElementById('query');
  let shown = null; // the script hash whose history is on the page
  let height = 0; // of the newest block
  let asked = 0; // number of the last lookup; answers to earlier ones are dropped

  document.getElementById('lookup').addEventListener('submit', (event) => {
    event.preventDefault();
    try {
      shown = scriptHash(field.value, config.network);
      wrong('');
      look('Looking it up…');
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      shown = null;
      asked += 1;
      wrong(error.message);
      page.shown('found', false);
      field.focus();
    }
  });
  field.addEventListener('input', () => wrong(''));

  function wrong(message) {
    page.text('query-error', message);
    field.setAttribute('aria-invalid', String(message !== ''));
  }

  async function look(meanwhile) {
    asked += 1;
    const mine = asked;
    if (meanwhile !== null) page.text('summary', meanwhile);
    const result = await lookUp(shown, config);
    if (mine === asked) show(result, shown, height);
  }

  return (newest) => {
    const grown = newest !== height;
    height = newest;
    if (grown && shown !== null) look(null);
  };
}

function show(result, hash, height) {
  const { trouble } = result;
  page.shown('found', trouble === undefined);
  page.text('summary', trouble ?? summary(result));
  if (trouble !== undefined) return;
  const { balance, history, total } = result;
  page.text('confirmed', coins(balance.confirmed));
  page.text('unconfirmed', balance.unconfirmed === 0 ? 'Nothing unconfirmed' : `${coins(balance.unconfirmed)} unconfirmed`);
  page.text('transactions', count(total));
  page.text('transactions-note', total > history.length ? `The newest ${count(history.length)} are listed` : '');
  page.text('hash', hash);
  page.shown('history-table', history.length > 0);
  page.table('history', historyRows(history, height));
}

function summary({ total }) {
  if (total === 0) return 'It has no history: nothing was ever paid to it on this network.';
  return total === 1 ? 'One transaction.' : `${count(total)} transactions.`;
}
