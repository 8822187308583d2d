// How a session travels on Mechanical Turk: it comes in the page, and goes in the page's form.

import { Refused, consent, fail, read, runSession, write } from "./session.js";
import { Kept, keeper } from "./kept.js";

const NO_ASSIGNMENT = [null, "", "ASSIGNMENT_ID_NOT_AVAILABLE"];

async function run() {
  const query = new URLSearchParams(location.search);
  const assignment = query.get("assignmentId");
  if (NO_ASSIGNMENT.includes(assignment)) {
    document.getElementById("preview").hidden = false;
    return;
  }
  const given = document.getElementById("session").dataset;
  const plan = document.getElementById("answer-plan").value;
  // A first guard; the Qualification is the second, and the analysis the third.
  const taken = `p2p-eval:${plan}:taken`;
  if (![null, assignment].includes(read(taken))) {
    throw new Refused("You took part in this study already, and one person can do so only once. " +
      "Please return this HIT. Thank you.");
  }
  const key = `${plan}:${assignment}`;
  const kept = new Kept(`p2p-eval:${key}`);
  await consent(kept.answers.length > 0);
  await runSession({
    key,
    trials: given.trials.split(" ").map((pair) => {
      const [left, right] = pair.split("-");
      return { left, right };
    }),
    practice: Number(given.practiceTrials),
    milliseconds: Number(given.milliseconds),
    start: kept.next,
    imageUrl: (name) => `${given.imageUrl}/${name}.png`,
    answer: keeper(kept, given.practice.split(" ").filter(Boolean)),
    finished: async () => {
      write(taken, assignment);
      submit(kept.answers, assignment, query.get("turkSubmitTo"));
    },
  });
}

function submit(answers, assignment, to) {
  const field = document.getElementById("answer-answers");
  field.value = JSON.stringify(answers);
  // The web interface may put a form of its own around the page; then the field is in that one.
  const form = field.form;
  let assignmentField = form.elements.namedItem("assignmentId");
  if (!assignmentField) {
    assignmentField = document.createElement("input");
    assignmentField.type = "hidden";
    assignmentField.name = "assignmentId";
    form.append(assignmentField);
  }
  assignmentField.value = assignment;
  if (form.id === "answers-form") form.action = `${service(to)}/mturk/externalSubmit`;
  HTMLFormElement.prototype.submit.call(form);
}

/** Mechanical Turk's address for answers; of what the link says only its own hosts are believed. */
function service(to) {
  try {
    const { origin, hostname, protocol } = new URL(to);
    if (protocol === "https:" && hostname.endsWith(".mturk.com")) return origin;
    if (["localhost", "127.0.0.1"].includes(hostname)) return origin;
  } catch {
    // No address: the usual one.
  }
  return "https://www.mturk.com";
}

run().catch((error) => {
  fail(error instanceof Refused ? error.message : "Something went wrong; please reload the page.");
});
