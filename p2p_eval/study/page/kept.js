// The answers of one session, kept in the browser so that a reload goes on where it stopped.

import { read, write } from "./session.js";

export class Kept {
  #key;
  #state;

  constructor(key) {
    this.#key = key;
    this.#state = { started: Date.now(), answers: [], handed: false };
    this.#refresh();
  }

  get started() { return this.#state.started; }
  get answers() { return this.#state.answers; }
  get handed() { return this.#state.handed; }
  get next() { return this.answers.length + 1; }

  /** Keep an answer, unless its trial has one: of two tabs, the first that answers counts. */
  add(record) {
    this.#refresh();
    if (record.trial === this.next) {
      this.answers.push(record);
      write(this.#key, this.#state);
    }
  }

  /** Note that the answers are where they should go. */
  hand() {
    this.#state.handed = true;
    write(this.#key, this.#state);
  }

  #refresh() {
    const state = read(this.#key);
    const whole = Array.isArray(state?.answers) && Number.isFinite(state.started) &&
      state.answers.every((record, place) => record?.trial === place + 1);
    if (whole && state.answers.length >= this.answers.length) this.#state = state;
  }
}

/**
 * What runSession() of session.js is to do with an answer: keep it, and say whether one of practice
 * was correct.
 *
 * @param {Kept} kept
 * @param {string[]} real  Where the real image was, in practice.
 */
export function keeper(kept, real) {
  return async (record) => {
    kept.add(record);
    const reply = { next: kept.next };
    if (record.trial <= real.length) reply.correct = record.answer !== real[record.trial - 1];
    return reply;
  };
}
