// Asking again and again, with a bound on each question and none asked while nobody looks.

const intervalMs = 2500; // a block that was just mined is on the page within 5 s, whatever the answer takes
const patienceMs = 20000; // longer than proxy_read_timeout in nginx/http.conf

/**
 * Asks for config.json until it comes, hands it to `introduce` once, and then calls `ask(signal)` now and every few seconds after
 * its answer; what it returns goes to `show(answer, config)`. Resumes at once when the page is looked at again. What was not
 * foreseen in any of them goes to `failed(error)`, and the next turn tries again: figures that nobody corrects must not look fresh.
 */
export function poll({ introduce, ask, show, failed }) {
  let timer = 0;
  let asking = false;
  let config = null;

  async function turn() {
    clearTimeout(timer);
    if (asking || document.hidden) return;
    asking = true;
    try {
      const signal = AbortSignal.timeout(patienceMs);
      if (config === null) config = await introduced(introduce, signal);
      show(await ask(signal), config);
    } catch (error) {
      failed(error);
    } finally {
      asking = false;
      timer = setTimeout(turn, intervalMs);
    }
  }

  document.addEventListener('visibilitychange', turn);
  turn();
}

async function introduced(introduce, signal) {
  const response = await fetch('config.json', { cache: 'no-store', credentials: 'omit', redirect: 'error', signal });
  if (!response.ok) throw new Error(`Its own server answered HTTP ${response.status} for config.json.`);
  const config = await response.json();
  introduce(config);
  return config;
}
