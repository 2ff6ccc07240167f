import assert from "node:assert/strict";
import test from "node:test";

import { Asker } from "../../src/inkdigit/server/static/latest.js";

/** Time that passes when a test says so. */
class Timers {
  due = new Map();
  next = 1;
  set = (callback) => {
    this.due.set(this.next, callback);
    return this.next++;
  };
  clear = (timer) => this.due.delete(timer);
  pass() {
    const due = [...this.due.values()];
    this.due.clear();
    due.forEach((callback) => callback());
  }
}

function setting() {
  const timers = new Timers();
  const calls = [];
  const replies = [];
  const errors = [];
  const late = [];
  const asker = new Asker({
    ask: (question, signal) =>
      new Promise((answer, fail) => calls.push({ question, signal, answer, fail })),
    onReply: (reply, question) => replies.push([reply, question]),
    onError: (error, question) => errors.push([error, question]),
    onLate: () => late.push(calls.length),
    timers,
  });
  return { asker, timers, calls, replies, errors, late };
}

const settled = () => new Promise((done) => setImmediate(done));
const questions = (calls) => calls.map(({ question }) => question);

test("changes that come together are asked once, with the newest", () => {
  const { asker, timers, calls } = setting();

  asker.soon(1);
  asker.soon(2);
  asker.soon(3);
  timers.pass();

  assert.deepEqual(questions(calls), [3]);
});

test("while a call is under way the newest change waits for it", async () => {
  const { asker, timers, calls, replies } = setting();
  asker.soon(1);
  timers.pass();

  asker.soon(2);
  timers.pass();
  assert.deepEqual(questions(calls), [1]);
  calls[0].answer("one");
  await settled();

  assert.deepEqual(questions(calls), [1, 2]);
  assert.deepEqual(replies, [["one", 1]]);
});

test("a finished stroke is asked at once and gives up the call under way", () => {
  const { asker, timers, calls } = setting();
  asker.soon(1);
  timers.pass();

  asker.now(2);
  const asked = questions(calls);
  timers.pass();

  assert.deepEqual(asked, [1, 2]);
  assert.equal(calls[0].signal.aborted, true);
  assert.equal(calls.length, 2);
});

test("an older answer never overwrites a newer one", async () => {
  const { asker, calls, replies } = setting();
  asker.now(1);
  asker.now(2);

  calls[1].answer("two");
  await settled();
  calls[0].answer("one");
  await settled();

  assert.deepEqual(replies, [["two", 2]]);
});

test("an older answer that comes first is not shown for a newer question either", async () => {
  const { asker, calls, replies } = setting();
  asker.now(1);
  asker.now(2);

  calls[0].answer("one");
  await settled();

  assert.deepEqual(replies, []);
});

test("what was dropped is neither asked nor answered", async () => {
  const { asker, timers, calls, replies, errors } = setting();
  asker.now(1);
  asker.soon(2);

  asker.drop();
  timers.pass();
  calls[0].fail(new Error("aborted"));
  await settled();

  assert.deepEqual(questions(calls), [1]);
  assert.deepEqual([replies, errors], [[], []]);
});

test("a failed call is reported, and the change that waited is asked", async () => {
  const { asker, timers, calls, errors } = setting();
  const failure = new Error("away");
  asker.soon(1);
  timers.pass();
  asker.soon(2);
  timers.pass();

  calls[0].fail(failure);
  await settled();

  assert.deepEqual(errors, [[failure, 1]]);
  assert.deepEqual(questions(calls), [1, 2]);
});

test("a finished stroke that waits for its answer is told, and no other", async () => {
  const { asker, timers, calls, late } = setting();

  asker.now(1);
  asker.now(2);
  calls[1].answer("two");
  await settled();
  timers.pass();
  asker.soon(3);
  timers.pass();
  timers.pass();
  asker.now(4);
  asker.drop();
  timers.pass();
  assert.deepEqual(late, []);
  asker.now(5);
  timers.pass();

  assert.deepEqual(late, [5]);
});
