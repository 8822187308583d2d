// How a session travels without a server of ours: it is a file, and the answers are posted to an
// address that somebody gave, or saved as a file.

import {
  Refused, consent, element, fail, insist, panelId, read, runSession, show, sleep, write,
} from "./session.js";
import { Kept, keeper } from "./kept.js";

const SCHEMA = "p2p-eval/study-answers/1";
const TRIES = 3;
const FIRST_WAIT = 1000;
const TIMEOUT = 20000;

async function run() {
  const study = await insist(() => load("study.json"));
  const who = participant(study.plan);
  const asked = new URLSearchParams(location.search).get("session");
  const id = asked ?? study.sessions[hash(who) % study.sessions.length];
  if (!study.sessions.includes(id)) {
    throw new Refused("This link leads to no session of the study. Please check that it is whole.");
  }
  const session = await insist(() => load(`sessions/${id}.json`));
  const key = `${study.plan}:${id}:${who}`;
  const kept = new Kept(`p2p-eval:${key}`);
  await consent(kept.answers.length > 0);
  await runSession({
    ...session,
    key,
    practice: session.real.length,
    start: kept.next,
    imageUrl: (name) => `images/${name}.png`,
    answer: keeper(kept, session.real),
    finished: () => handOver(kept, study.post, {
      schema: SCHEMA,
      plan: study.plan,
      session: id,
      participant: who,
      started: kept.started,
      answers: kept.answers,
    }),
  });
}

async function load(path) {
  const response = await fetch(path, { cache: "no-store" });
  if (response.status === 404) throw new Refused("The study is not complete on this server.");
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

/** The id that a panel put into the link, or one that this browser keeps and that says nothing. */
function participant(plan) {
  const given = panelId();
  if (given) return given.slice(0, 128);
  const key = `p2p-eval:${plan}:who`;
  const digits = crypto.getRandomValues(new Uint8Array(16));
  const who = read(key) ?? [...digits].map((digit) => digit.toString(16).padStart(2, "0")).join("");
  write(key, who);
  return who;
}

/** FNV-1a, mixed: crypto.subtle is not there on a plain http address of a laboratory. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Send the answers; while they are not sent, and where there is no address, offer them as a file. */
async function handOver(kept, address, answers) {
  const text = JSON.stringify(answers);
  if (kept.handed || (address && await sent(address, text))) {
    kept.hand();
    return;
  }
  const link = element("download");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `answers-${answers.session}.json`;
  show("hand-over");
  element("unsent").hidden = !address;
  element("to-save").hidden = Boolean(address);
  element("send-again").hidden = !address;
  element("hand-over-title").focus();
  // Whether a file was saved nobody can know, so the offer stands until the answers are sent.
  await new Promise((resolve) => {
    element("send-again").addEventListener("click", async (event) => {
      event.target.disabled = true;
      if (await sent(address, text)) resolve(kept.hand());
      event.target.disabled = false;
    });
  });
}

async function sent(address, text) {
  for (let tried = 0, wait = FIRST_WAIT; tried < TRIES; tried += 1, wait *= 2) {
    if (tried > 0) await sleep(wait);
    try {
      const response = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: text,
        credentials: "omit",
        signal: AbortSignal.timeout(TIMEOUT),
      });
      if (response.ok) return true;
    } catch {
      // No answer, which may pass.
    }
  }
  return false;
}

run().catch((error) => {
  fail(error instanceof Refused ? error.message : "Something went wrong; please reload the page.");
});
