// Reads what the page needs out of electrs' metrics, which are in Prometheus' text format:
// https://prometheus.io/docs/instrumenting/exposition_formats/

/** {height, mempool}: the last indexed block, and the number of unconfirmed transactions. null where there is no such line yet. */
export function readMetrics(text) {
  return {
    height: sum(text, 'electrs_index_height{type="tip"}'),
    mempool: sum(text, 'electrs_mempool_txs_count{'),
  };
}

function sum(text, prefix) {
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
}
