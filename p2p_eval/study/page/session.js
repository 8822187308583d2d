// One session of the study: consent, preloading, and trials, one after another.
// How answers travel is not known here: that is what `answer` and `finished` are for.

const PANEL_NAMES = ["participant", "PROLIFIC_PID"];
const FRAMES_MEASURED = 15;
const PAUSE = 500; // milliseconds between an answer and the next pair
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;

/** What went wrong for good: it is shown, and not tried again. */
export class Refused extends Error {}

/** Where a browser keeps nothing, as in some private windows, what is kept lasts as the page does. */
export function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

export function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing is lost but what a reload would find.
  }
}

export const element = (id) => document.getElementById(id);
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const clicked = (button) =>
  new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));

/**
 * Wait until the person has read what the study is, and agrees.
 *
 * @param {boolean} resumed  A session was begun before: say so instead of asking again.
 */
export async function consent(resumed) {
  element("resumed").hidden = !resumed;
  element("terms").hidden = resumed;
  element("agree").textContent = resumed ? "Go on" : "I agree, go on";
  element("agree").disabled = false;
  await clicked(element("agree"));
  element("agree").disabled = true;
}

/**
 * Run the session that `trials` are, from the first unanswered trial to the end.
 *
 * @param {object} session
 * @param {string} session.key  Names this person's session in the browser's storage.
 * @param {{left: string, right: string}[]} session.trials  Names of images, practice first.
 * @param {number} session.practice  How many trials are practice, with feedback.
 * @param {number} session.milliseconds  How long both images are shown.
 * @param {number} session.start  First unanswered trial, from 1; beyond the last: all are.
 * @param {(name: string) => string} session.imageUrl
 * @param {(record: object) => Promise<{correct?: boolean, next?: number}>} session.answer
 *     Keeps an answer: {trial, answer, response_ms, shown_ms, dropped_frames, lost_focus,
 *     seen_before}. It may say whether the answer was correct, and which trial comes next. Where it
 *     fails it is called again, with the same record, until it succeeds or throws Refused.
 * @param {() => Promise<void>} session.finished  Called once all trials are answered.
 */
export async function runSession(session) {
  const { key, trials, practice, milliseconds, start, imageUrl, answer, finished } = session;
  if (start <= trials.length) {
    show("loading");
    const images = await preload(trials.slice(start - 1), imageUrl);
    const frameLength = await measureFrame();
    show("ready");
    element("begin").focus();
    await clicked(element("begin"));
    show("stage");
    let trial = start;
    while (trial <= trials.length) {
      progress(trial, trials.length, practice);
      const shown = await runTrial(trials[trial - 1], images, milliseconds, frameLength, () =>
        countShowing(`p2p-eval:shown:${key}:${trial}`));
      const record = { trial, ...shown };
      const reply = await insist(() => answer(record));
      if (reply.correct !== undefined) await feedback(reply.correct);
      trial = reply.next ?? trial + 1;
    }
  }
  await insist(finished);
  show("done");
  element("done-title").focus();
  say("The study is finished. Thank you.");
}

/** Show what cannot be repaired by trying again. */
export function fail(message) {
  show("failed");
  element("failed-why").textContent = message;
  element("failed-title").focus();
}

/** Call until it succeeds, telling the person while it does not; a Refused goes on to the caller. */
export async function insist(action) {
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      const result = await action();
      element("trouble").hidden = true;
      return result;
    } catch (error) {
      if (error instanceof Refused) throw error;
      element("trouble-when").textContent = `${Math.round(wait / 1000)} s`;
      element("trouble").hidden = false;
      await Promise.race([sleep(wait), online()]);
    }
  }
}

const online = () =>
  new Promise((resolve) => addEventListener("online", resolve, { once: true }));

async function runTrial(trial, images, milliseconds, frameLength, count) {
  const pair = [images.get(trial.left), images.get(trial.right)];
  element("left-image").replaceChildren(pair[0]);
  element("right-image").replaceChildren(pair[1]);
  pair[0].alt = "Left image";
  pair[1].alt = "Right image";
  await Promise.all([sleep(PAUSE), ...pair.map((image) => image.decode())]);
  await visible();
  const before = count();
  const seen = await present(element("stimulus"), milliseconds, frameLength);
  element("left-image").replaceChildren();
  element("right-image").replaceChildren();
  const { side, after } = await ask();
  return {
    answer: side,
    response_ms: after,
    shown_ms: [seen.duration, seen.duration],
    dropped_frames: seen.dropped,
    lost_focus: seen.lostFocus,
    seen_before: before,
  };
}

/** How often this browser showed the pair before, as in another tab or before a reload. */
function countShowing(key) {
  const before = Number(read(key)) || 0;
  write(key, before + 1);
  return before;
}

/**
 * Show an element for so long. A frame in which it is shown starts it, and the frame whose time is
 * nearest to the wanted end hides it, so that both ends are those of frames of the screen. A page
 * that is hidden meanwhile gets no frames: then what is shown ends at once.
 */
async function present(shown, milliseconds, frameLength) {
  let lostFocus = false;
  let over = false;
  let leave;
  const left = new Promise((resolve) => { leave = resolve; });
  const lose = () => {
    lostFocus = true;
    if (!document.hidden) return;
    over = true;
    leave(performance.now());
  };
  addEventListener("blur", lose);
  document.addEventListener("visibilitychange", lose);
  let dropped = 0;
  const started = await frame();
  shown.classList.add("shown");
  if (!document.hasFocus()) lostFocus = true;
  let now = started;
  while (!over && now - started < milliseconds - frameLength / 2) {
    const next = await Promise.race([frame(), left]);
    dropped += Math.max(0, Math.round((next - now) / frameLength) - 1);
    now = next;
  }
  shown.classList.remove("shown");
  removeEventListener("blur", lose);
  document.removeEventListener("visibilitychange", lose);
  return { duration: now - started, dropped, lostFocus };
}

/** Ask which is fake; the first button or arrow key counts. */
async function ask() {
  const buttons = { left: element("left"), right: element("right") };
  const keys = { ArrowLeft: "left", ArrowRight: "right" };
  const asked = performance.now();
  element("question").classList.add("open");
  for (const button of Object.values(buttons)) button.disabled = false;
  element("asked").focus({ preventScroll: true });
  const stop = new AbortController();
  const side = await new Promise((resolve) => {
    for (const [name, button] of Object.entries(buttons)) {
      button.addEventListener("click", () => resolve(name), { signal: stop.signal });
    }
    const pressed = (event) => {
      const name = keys[event.key];
      if (!name || event.repeat || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      resolve(name);
    };
    addEventListener("keydown", pressed, { signal: stop.signal });
  });
  const after = performance.now() - asked;
  stop.abort();
  for (const button of Object.values(buttons)) button.disabled = true;
  element("question").classList.remove("open");
  return { side, after };
}

async function feedback(correct) {
  const text = correct ? "Correct: that one was fake." : "Not correct: that one was real.";
  element("feedback-text").textContent = text;
  element("feedback").dataset.correct = correct;
  element("feedback").hidden = false;
  say(text);
  element("next").focus();
  await clicked(element("next"));
  say("");
  element("feedback").hidden = true;
}

async function preload(trials, imageUrl) {
  const names = [...new Set(trials.flatMap((trial) => [trial.left, trial.right]))];
  const images = new Map();
  const bar = element("loading-bar");
  bar.max = names.length;
  const queue = [...names];
  const work = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      images.set(name, await insist(() => loadImage(imageUrl(name))));
      bar.value = images.size;
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  return images;
}

async function loadImage(url) {
  const image = new Image();
  image.draggable = false;
  image.src = url;
  await image.decode();
  return image;
}

/** The time between two frames of this screen: the lower quartile of some, as a few come late. */
async function measureFrame() {
  await visible();
  const gaps = [];
  let before = await frame();
  while (gaps.length < FRAMES_MEASURED) {
    const now = await frame();
    gaps.push(now - before);
    before = now;
  }
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)];
}

async function visible() {
  while (document.hidden) {
    await new Promise((resolve) =>
      document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

function progress(trial, trials, practice) {
  const counted = trials - practice;
  element("progress-bar").max = trials;
  element("progress-bar").value = trial - 1;
  element("progress-text").textContent = trial <= practice
    ? `Practice ${trial} of ${practice}`
    : `Pair ${trial - practice} of ${counted}`;
}

/** The id that a panel put into the link, or undefined. */
export function panelId() {
  const query = new URLSearchParams(location.search);
  return PANEL_NAMES.map((name) => query.get(name)).find((value) => value);
}

/** Show one part of the page and no other. */
export function show(id) {
  for (const part of document.querySelectorAll("main > section")) part.hidden = part.id !== id;
}

function say(text) {
  element("status").textContent = text;
}

function offerFullScreen() {
  const button = element("full-screen");
  button.hidden = !document.fullscreenEnabled;
  button.addEventListener("click", () => document.documentElement.requestFullscreen().catch(() => {}));
}

offerFullScreen();
