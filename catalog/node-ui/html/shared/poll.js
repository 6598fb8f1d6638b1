// Polling: each request has a timeout, and a hidden page makes none.

const intervalMs = 2500; // a new block is on the page within 5 s, with time for the answer
const patienceMs = 20000; // longer than proxy_read_timeout in nginx/http.conf

/**
 * Asks for config.json until it comes and passes it to `introduce` once. Then calls `ask(signal)`
 * at once and a few seconds after each answer, and passes the result to `show(answer, config)`.
 * Resumes at once when the page becomes visible again. An error thrown by any of them goes to
 * `failed(error)`, so that old figures do not look fresh, and the next turn tries again.
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
