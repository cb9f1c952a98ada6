"use strict";

const study = JSON.parse(document.getElementById("study").textContent);
const served = Object.keys(study.sources).length === 0;
const RETRY_MILLISECONDS = 2000;
const $ = (id) => document.getElementById(id);

let rater = "";
let scores = new Map();    // version -> score
let sending = false;
let retry = 0;

// What the browser keeps: every answer under a key of its own, so that two tabs never overwrite each other's.
// A served page forgets an answer once the server has it; a page on its own keeps all of them.

const shelf = browserStorage();

function browserStorage() {
  try {
    localStorage.setItem("probe", "");
    localStorage.removeItem("probe");
    return localStorage;
  } catch {
    notice("This browser keeps nothing for this page: do not close or reload it before your ratings are saved.");
    const kept = new Map();
    return {
      setItem: (key, value) => kept.set(key, value),
      getItem: (key) => kept.get(key) ?? null,
      removeItem: (key) => kept.delete(key),
      key: (place) => [...kept.keys()][place] ?? null,
      get length() { return kept.size; },
    };
  }
}

function keptKeys(prefix) {
  const keys = Array.from({ length: shelf.length }, (_, place) => shelf.key(place));
  return keys.filter((key) => key.startsWith(prefix)).sort();
}

const answersPrefix = () => `${study.id} answer ${rater} `;
const keptAnswers = () => keptKeys(answersPrefix()).map((key) => JSON.parse(shelf.getItem(key)));

function keep(answer) {
  const number = String(keptKeys(answersPrefix()).length).padStart(6, "0");
  shelf.setItem(`${answersPrefix()}${answer.time} ${number} ${hex(2)}`, JSON.stringify(answer));
}

async function send() {
  if (!served) return say(scores.size ? "Kept in this browser" : "");
  if (sending) return;
  sending = true;
  try {
    for (let keys = keptKeys(answersPrefix()); keys.length; keys = keptKeys(answersPrefix())) {
      const body = shelf.getItem(keys[0]);
      if (body === null) continue; // another tab was faster
      say("Not stored yet"); // "All stored", of the answer before, must not stand while this one is under way
      const response = await fetch("/answers", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      if (!response.ok) throw new Error(await response.text());
      shelf.removeItem(keys[0]);
    }
    notice("");
    say(scores.size ? "All stored" : "");
  } catch (error) {
    const reason = error instanceof TypeError ? "The server cannot be reached." : error.message;
    notice(`${reason} Your ratings are kept in this browser and sent again; you can go on.`);
    say("Not stored yet");
    clearTimeout(retry);
    retry = setTimeout(send, RETRY_MILLISECONDS);
  } finally {
    sending = false;
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));

function say(text) { $("kept").textContent = text; }

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}
