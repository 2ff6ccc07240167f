import assert from "node:assert/strict";
import test from "node:test";

import { Recovery } from "../../src/inkdigit/server/static/recovery.js";

function setting(answers) {
  const log = { pauses: [], backs: 0, probes: 0 };
  let due = null;
  const recovery = new Recovery({
    probe: async () => {
      log.probes += 1;
      return answers.shift() ?? false;
    },
    onBack: () => {
      log.backs += 1;
    },
    pauses: [1, 2, 4],
    timers: {
      set: (callback, ms) => {
        log.pauses.push(ms);
        due = callback;
        return 1;
      },
      clear: () => {
        due = null;
      },
    },
  });
  const pass = async () => {
    const callback = due;
    due = null;
    callback?.();
    await new Promise((done) => setImmediate(done));
  };
  return { recovery, log, pass };
}

test("it looks less and less often until the server is back, and says so once", async () => {
  const { recovery, log, pass } = setting([false, false, false, true]);

  recovery.start();
  for (let i = 0; i < 6; i += 1) await pass();

  assert.deepEqual(log, { pauses: [1, 2, 4, 4], backs: 1, probes: 4 });
});

test("starting twice looks once", async () => {
  const { recovery, log, pass } = setting([true]);

  recovery.start();
  recovery.start();
  await pass();

  assert.deepEqual(log, { pauses: [1], backs: 1, probes: 1 });
});

test("after stop nobody is called back", async () => {
  const { recovery, log, pass } = setting([true]);

  recovery.start();
  recovery.stop();
  await pass();

  assert.deepEqual(log, { pauses: [1], backs: 0, probes: 0 });
});

test("a stop during the look counts too", async () => {
  const { recovery, log } = setting([true]);

  recovery.start();
  const looking = recovery.hurry();
  recovery.stop();
  await looking;

  assert.equal(log.backs, 0);
});

test("hurrying looks at once", async () => {
  const { recovery, log } = setting([true]);
  recovery.start();

  await recovery.hurry();

  assert.equal(log.backs, 1);
});

test("hurrying without a server away looks at nothing", async () => {
  const { recovery, log } = setting([true]);

  await recovery.hurry();

  assert.equal(log.probes, 0);
});

test("a server that comes and goes is asked ever more rarely, until an answer arrived", async () => {
  const { recovery, log, pass } = setting([true, true, true]);

  recovery.start();
  await pass();
  recovery.start();
  await pass();
  recovery.stop();
  recovery.start();

  assert.deepEqual(log.pauses, [1, 2, 1]);
});
