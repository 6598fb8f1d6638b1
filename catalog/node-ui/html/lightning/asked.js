// The requests to lnd at each turn. Lists cost lnd more than the overview and change less, so only
// every fourth turn asks for them.
import { withoutAnswer } from '../shared/answer.js';

const lists = ['channels', 'peers', 'activity'];
const every = 4;

/**
 * Returns a function for poll(). It asks with `ask` of shared/answer.js, and its value is
 * {overview, channels, peers, activity}. Each of the last three is null if it was not asked for,
 * {value}, or {failed} with the reason.
 */
export function asker(ask, config) {
  let turn = 0;
  return async (signal) => {
    const overview = await ask('api/overview', 'json', { signal });
    if (overview.kind !== 'answer') {
      turn = 0;
      return overview;
    }
    const value = { overview: overview.value, channels: null, peers: null, activity: null };
    if (value.overview.info === null) {
      turn = 0;
      return { kind: 'answer', value };
    }
    if (turn % every === 0) {
      const answers = await Promise.all(lists.map((what) => ask(`api/${what}`, 'json', { signal })));
      lists.forEach((what, i) => {
        const absent = withoutAnswer(answers[i], config);
        value[what] = absent === null ? { value: answers[i].value } : { failed: `${absent.headline}, so this is not up to date.` };
      });
    }
    turn += 1;
    return { kind: 'answer', value };
  };
}
