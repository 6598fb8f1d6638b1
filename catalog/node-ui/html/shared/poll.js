// Asking again and again, with a bound on each question and none asked while nobody looks.

const intervalMs = 2500; // a block that was just mined is on the page within 5 s, whatever the answer takes
const patienceMs = 20000; // longer than proxy_read_timeout in nginx/http.conf

/**
 * Calls `ask(signal)` now and every few seconds after its answer, and hands what it returns to `show`.
 * `ask` must not throw: what went wrong is an answer like any other. Resumes at once when the page is looked at again.
 */
export function poll(ask, show) {
  let timer = 0;
  let asking = false;

  async function turn() {
    clearTimeout(timer);
    if (asking || document.hidden) return;
    asking = true;
    try {
      show(await ask(AbortSignal.timeout(patienceMs)));
    } finally {
      asking = false;
      timer = setTimeout(turn, intervalMs);
    }
  }

  document.addEventListener('visibilitychange', turn);
  turn();
}
