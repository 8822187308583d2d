// How the page talks to the server of `p2p-eval study serve`.

import { Refused, consent, fail, insist, panelId, runSession } from "./session.js";

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
  });
  // Too many requests, or a fault of the server, will pass: whoever called tries again.
  if (response.status === 429 || response.status >= 500) throw new Error(`${response.status}`);
  const reply = await response.json();
  if (!response.ok && reply.next === undefined) throw new Refused(reply.detail);
  return reply;
}

async function run() {
  const who = panelId() ?? null;
  let session = await insist(() => post("/api/session", { participant: who, agreed: false }));
  await consent(session.trials !== undefined);
  session = await insist(() => post("/api/session", { participant: who, agreed: true }));
  await runSession({
    ...session,
    key: session.id,
    imageUrl: (name) => `/images/${name}.png`,
    answer: (record) => post("/api/answers", { plan: session.plan, session: session.id, ...record }),
    finished: async () => {},
  });
}

run().catch((error) => {
  fail(error instanceof Refused ? error.message : "Something went wrong; please reload the page.");
});
