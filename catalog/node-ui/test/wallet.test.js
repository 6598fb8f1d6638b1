// catalog/lnd/make-wallet, run by the shell of lnd's image (busybox) and by this machine's, against
// a fake lnd of a few lines of shell. The words that it presents are the wallet's, or it presents
// none, wherever it is cut off. Run: node --test catalog/node-ui/test/
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const script = readFileSync(new URL('../../lnd/make-wallet', import.meta.url), 'utf8');

// Put before the script. Functions, since busybox prefers its builtin programs to those in PATH.
// The folder $LND holds `wallet`, the words that the wallet was made from, and `plan`, one line for
// each answer to initwallet. Without a line the wallet is made.
const fake = String.raw`
step() {
    echo >> "$LND/steps"
    if [ "$(wc -l < "$LND/steps")" -eq "$CUT_AT" ]; then kill -9 0; fi
}
mv() { step; command mv "$@"; step; }
rm() { step; command rm "$@"; step; }
sync() { step; [ -e "$1" ]; }
sleep() { echo "$1" >> "$LND/slept"; }
wget() {
    step
    fake_status=0
    for fake_word do case $fake_word in --post-file=*) fake_body=$(cat "\${fake_word#*=}") ;; esac; done
    case $fake_word in
        */state) fake_state ;;
        */genseed)
            echo >> "$LND/seeds"
            wc -l < "$LND/seeds" | jq --compact-output '. as $seed | {cipher_seed_mnemonic: [range(24) | "w\($seed)-\(.)"]}'
            ;;
        */initwallet) fake_init ;;
    esac
    step
    return "$fake_status"
}
fake_state() {
    if [ -s "$LND/slow" ]; then
        sed -i 1d "$LND/slow"
        if [ ! -s "$LND/slow" ]; then command mv "$LND/coming" "$LND/wallet"; fi
    fi
    if [ -e "$LND/wallet" ]; then echo '{"state":"RPC_ACTIVE"}'; else echo '{"state":"NON_EXISTING"}'; fi
}
fake_init() {
    fake_turn=$(sed -n 1p "$LND/plan")
    sed -i 1d "$LND/plan"
    if [ "$fake_turn" = person ]; then echo theirs > "$LND/wallet"; fi
    if [ -e "$LND/wallet" ]; then
        echo '{"code":2,"message":"wallet already exists","details":[]}'
        fake_status=8
        return
    fi
    case $fake_turn in
        refused) echo '{"code":2,"message":"no, for a reason","details":[]}'; fake_status=8 ;;
        cut) fake_status=4 ;;
        ending) echo '{"code":14,"message":"transport is closing","details":[]}'; fake_status=8 ;;
        slow)
            printf '%s' "$fake_body" | jq --raw-output '.cipher_seed_mnemonic | join(" ")' > "$LND/coming"
            printf '1\n2\n3\n' > "$LND/slow"
            fake_status=4
            ;;
        *) printf '%s' "$fake_body" | jq --raw-output '.cipher_seed_mnemonic | join(" ")' > "$LND/wallet"; echo '{"admin_macaroon":""}' ;;
    esac
}
`.replaceAll('\\${', '${');

/** A volume of lnd, and an lnd that has a wallet or makes one. */
function volume(shell, { plan = [], files = {}, wallet = null } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'make-wallet-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  mkdirSync(join(folder, 'memory'));
  for (const path of ['/root/.lnd', '/etc/lnd', '/tmp/']) assert.ok(script.includes(path), path);
  const places = { '/root/.lnd': home, '/etc/lnd': folder, '/tmp/': `${folder}/memory/` };
  const moved = script.replaceAll(/\/root\/\.lnd|\/etc\/lnd|\/tmp\//g, (path) => places[path]);
  writeFileSync(join(folder, 'script'), `${fake}\n${moved.replace('\nmost_looks=120\n', '\nmost_looks=4\n')}`);
  writeFileSync(join(folder, 'wallet-password'), 'password\n');
  writeFileSync(join(folder, 'plan'), plan.map((line) => `${line}\n`).join(''));
  if (wallet !== null) writeFileSync(join(folder, 'wallet'), `${wallet}\n`);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
  const lines = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1) : []);
  return {
    /**
     * Runs the script beside a process that stands for lnd. `lndEnded` is true if the script ended
     * that process.
     */
    run({ make = true, network = 'regtest', cutAt = 0 } = {}) {
      // A wallet that an ended lnd was making is not made.
      for (const name of ['steps', 'slow', 'coming']) rmSync(join(folder, name), { force: true });
      // The trap first: the script may be done before this shell goes on.
      const beside = `trap 'kill "$made" 2>/dev/null; exit 15' TERM; "$@" & made=$!; wait "$made"`;
      const ended = spawnSync('setsid', ['--wait', 'sh', '-c', beside, 'lnd', ...shell, join(folder, 'script')], {
        env: { PATH: process.env.PATH, LND: folder, LNCLI_NETWORK: network, MAKE_WALLET: String(make), CUT_AT: String(cutAt) },
        encoding: 'utf8',
        timeout: 60_000,
      });
      assert.equal(ended.error, undefined, `${shell.join(' ')} (Debian's busybox-static has busybox)`);
      return { cut: ended.signal === 'SIGKILL', lndEnded: ended.status === 15, status: ended.status, said: ended.stdout + ended.stderr };
    },
    person: () => writeFileSync(join(folder, 'wallet'), 'theirs\n'),
    wallet: () => lines('wallet')[0] ?? null,
    seeds: () => lines('seeds').length,
    slept: () => lines('slept').map(Number),
    left: () => readdirSync(home).sort(),
    inMemory: () => readdirSync(join(folder, 'memory')),
    words: (name = 'wallet-words.regtest') => readFileSync(join(home, name), 'utf8').split('\n').slice(0, -1).map((line) => line.split(' ')[1]).join(' '),
    mode: (name) => statSync(join(home, name)).mode & 0o777,
    discard: () => rmSync(folder, { recursive: true }),
  };
}

const words = 'wallet-words.regtest';
const written = (mark) => Array.from({ length: 24 }, (_, i) => `${i + 1} ${mark}-${i}\n`).join('');

for (const shell of [['busybox', 'sh'], ['sh']]) {
  const check = (name, settings, body) =>
    test(`${shell[0]}: ${name}`, () => {
      const lnd = volume(shell, settings);
      body(lnd);
      assert.deepEqual(lnd.inMemory(), []);
      lnd.discard();
    });

  check('a wallet is made, and only its owner can read the words', {}, (lnd) => {
    const { said, status } = lnd.run();
    assert.equal(status, 0, said);
    assert.deepEqual(lnd.left(), [words]);
    assert.equal(lnd.words(), lnd.wallet());
    assert.equal(lnd.mode(words), 0o600);
    assert.match(said, /24 words are in .*\/wallet-words\.regtest: write/);
    assert.ok(!said.includes(lnd.wallet().split(' ')[5]), said);
    lnd.run();
    assert.equal(lnd.seeds(), 1);
  });

  check('a refusal is followed by another attempt, later and later, with other words', { plan: ['refused', 'refused', 'refused'] }, (lnd) => {
    assert.match(lnd.run().said, /no, for a reason/);
    assert.deepEqual(lnd.slept(), [5, 10, 20]);
    assert.deepEqual([lnd.left(), lnd.words()], [[words], lnd.wallet()]);
  });

  check('an lnd that keeps refusing is started again, and no words are left', { plan: Array(6).fill('refused') }, (lnd) => {
    assert.equal(lnd.run().lndEnded, true);
    assert.deepEqual(lnd.slept(), [5, 10, 20, 40, 80]);
    assert.deepEqual(lnd.left(), []);
    lnd.person();
    lnd.run();
    assert.deepEqual(lnd.left(), []);
  });

  check('if a person makes a wallet first, no words are presented', { plan: ['person'] }, (lnd) => {
    assert.equal(lnd.run().lndEnded, false);
    lnd.run();
    assert.deepEqual([lnd.wallet(), lnd.left(), lnd.seeds()], ['theirs', [], 1]);
  });

  check('a wallet whose answer is lost, and that is made later', { plan: ['slow'] }, (lnd) => {
    assert.equal(lnd.run().lndEnded, false);
    assert.deepEqual([lnd.left(), lnd.words(), lnd.seeds()], [[words], lnd.wallet(), 1]);
  });

  for (const turn of ['cut', 'ending']) {
    check(`an answer that never comes (${turn}): lnd is started again, and then reports no wallet`, { plan: [turn] }, (lnd) => {
      assert.equal(lnd.run().lndEnded, true);
      assert.deepEqual([lnd.left(), lnd.slept().length], [[`${words}.given`], 4]);
      lnd.run();
      assert.deepEqual([lnd.left(), lnd.words()], [[words], lnd.wallet()]);
      assert.equal(lnd.seeds(), 2);
    });
  }

  check('words that lnd never received are never presented', { wallet: 'theirs', files: { [`${words}.unused`]: written('nobody'), [`${words}.unused.new`]: '1' } }, (lnd) => {
    lnd.run();
    assert.deepEqual(lnd.left(), []);
  });

  check('words that lnd received are presented if it has a wallet now', { wallet: 'ours', files: { [`${words}.given`]: written('ours') } }, (lnd) => {
    lnd.run();
    assert.deepEqual([lnd.left(), lnd.words().split(' ')[23]], [[words], 'ours-23']);
  });

  check('words of an earlier wallet are not overwritten', { files: { [words]: written('old'), [`${words}.2`]: written('older') } }, (lnd) => {
    assert.match(lnd.run().said, /wallet-words\.regtest\.3:/);
    assert.deepEqual(lnd.left(), [words, `${words}.2`, `${words}.3`]);
    assert.deepEqual([lnd.words().split(' ')[0], lnd.words(`${words}.3`)], ['old-0', lnd.wallet()]);
  });

  check('each network has words of its own', { files: { [words]: written('regtest') } }, (lnd) => {
    lnd.run({ network: 'signet' });
    assert.deepEqual(lnd.left(), [words, 'wallet-words.signet']);
    assert.equal(lnd.words('wallet-words.signet'), lnd.wallet());
  });

  check('make_wallet=false makes no wallet, and removes the files of an earlier attempt', { files: { [`${words}.given`]: written('given') } }, (lnd) => {
    assert.equal(lnd.run({ make: false }).status, 0);
    assert.deepEqual([lnd.wallet(), lnd.seeds(), lnd.left()], [null, 0, []]);
    lnd.person();
    lnd.run();
    assert.deepEqual(lnd.left(), []);
  });
}

test('cut off anywhere, at the first attempt or the second, it presents the words of the wallet or none', () => {
  let cuts = 0;
  for (let cut = true; cut; ) {
    cuts += 1;
    const lnd = volume(['busybox', 'sh'], { plan: ['refused'] });
    cut = lnd.run({ cutAt: cuts }).cut;
    if (cuts % 2 === 0 && lnd.wallet() === null) {
      // A person takes over, as catalog/README.md says.
      lnd.run({ make: false });
      lnd.person();
    }
    lnd.run();
    const kept = lnd.left();
    if (lnd.wallet() === 'theirs') assert.deepEqual(kept, [], `cut at step ${cuts}`);
    else assert.deepEqual([kept, lnd.words()], [[words], lnd.wallet()], `cut at step ${cuts}`);
    lnd.discard();
  }
  assert.ok(cuts > 20, `${cuts} steps`);
});
