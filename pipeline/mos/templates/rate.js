let patches = [];          // in this rater's order, each with its versions in this rater's order
let screen = 0;            // that is seen
let asked = 0;             // that was asked for last: its pictures may still be on their way

// --- who rates

function hex(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function slug(name, longest = 36) {
  const parts = name.normalize("NFKC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return [...parts.join("-")].slice(0, longest).join("");
}

// Two people of one name may rate copies of a page that stands on its own: there, a name gets a random end.
function identified(name) {
  if (!name) return `anonymous-${hex(4)}`;
  if (served) return name;
  const before = keptKeys(`${study.id} rater `).map((key) => key.split(" ").at(-1));
  return before.find((id) => id === name || id.slice(0, -5) === name) ?? `${name}-${hex(2)}`;
}

async function begin(id) {
  rater = id;
  patches = ordered(study.patches, (patch) => patch.reference).map((patch) => ({
    ...patch,
    versions: ordered(patch.versions, (version) => version),
  }));
  scores = new Map(served ? Object.entries(await given()) : []);
  for (const answer of keptAnswers()) scores.set(answer.version, answer.score);
  shelf.setItem(`${study.id} rater ${rater}`, "");
  shelf.setItem(`${study.id} last`, rater);
  history.replaceState(null, "", `#${encodeURIComponent(rater)}`);
  $("rater").textContent = rater;
  send();
  firstMissing() < patches.length ? show(firstMissing()) : end();
}

async function given() {
  for (;;) {
    try {
      const response = await fetch(`/answers/${encodeURIComponent(rater)}`);
      if (response.ok) return await response.json();
      notice(await response.text());
    } catch {
      notice("The server cannot be reached; trying again.");
    }
    await pause();
  }
}

// --- the order: by a hash of the study's seed, the rater and the random ids, so that it can be worked out again

function ordered(items, name) {
  const places = items.map((item) => [hash(`${study.seed} ${rater} ${name(item)}`), name(item), item]);
  places.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1));
  return places.map((place) => place[2]);
}

// FNV-1a of the UTF-16 units, then MurmurHash3's finalizer: 32 bits.
function hash(text) {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

// --- answers

function answer(version, score, position) {
  scores.set(version, score);
  keep({ study: study.id, rater, version, score, screen: screen + 1, position, time: new Date().toISOString() });
  count();
  send();
}

// --- screens

const total = () => patches.reduce((sum, patch) => sum + patch.versions.length, 0);
const complete = (patch) => patch.versions.every((version) => scores.has(version));

function firstMissing() {
  const place = patches.findIndex((patch) => !complete(patch));
  return place < 0 ? patches.length : place;
}

function only(id) {
  for (const part of ["start", "rating", "end"]) $(part).hidden = part !== id;
  scrollTo(0, 0);
}

// A screen appears when all its pictures are there, at once and whole; those of the next one are loaded ahead.
async function show(place) {
  const patch = patches[place];
  const parts = [reference(patch), ...patch.versions.map((version, at) => card(patch, version, place, at))];
  asked = place;
  await Promise.all(parts.map((part) => loaded(part.querySelector("img"))));
  if (asked !== place) return;
  screen = place;
  $("where").textContent = `Patch ${screen + 1} of ${patches.length}`;
  $("back").disabled = screen === 0;
  $("patch").style.setProperty("--pictures", patch.versions.length + 1);
  $("next").textContent = screen + 1 < patches.length ? "Next" : "Finish";
  $("patch").replaceChildren(...parts);
  count();
  only("rating");
  const open = [...$("patch").querySelectorAll("fieldset")].find((part) => !part.querySelector(":checked"));
  focusOn(open, { preventScroll: true });
  for (const id of pictures(patches[screen + 1])) new Image().src = source(id);
}

async function loaded(image) {
  for (;;) {
    try {
      return await image.decode();
    } catch {
      notice("The pictures cannot be loaded; trying again.");
      await pause();
      image.src = image.src; // loads it anew
    }
  }
}

const pictures = (patch) => (patch ? [patch.reference, ...patch.versions] : []);
const source = (id) => (served ? `/pictures/${id}.png` : study.sources[id]);

// Imported, not cloned: a template's own document loads no pictures.
const fresh = (template) => document.importNode($(template).content, true).firstElementChild;

function reference(patch) {
  const figure = fresh("input");
  picture(figure.querySelector("img"), patch, patch.reference);
  return figure;
}

function picture(image, patch, id) {
  image.src = source(id);
  image.width = patch.width * 2;
  image.height = patch.height * 2;
}

function card(patch, version, place, at) {
  const part = fresh("version");
  const name = `Version ${String.fromCharCode(65 + at)}`;
  part.querySelector("legend").textContent = name;
  part.querySelector("img").alt = `${name} of patch ${place + 1}`;
  picture(part.querySelector("img"), patch, version);
  part.querySelector(".scores").append(...study.scores.map((words, score) => choice(version, score, words)));
  part.addEventListener("change", (event) => answer(version, Number(event.target.value), at + 1));
  part.addEventListener("keydown", byDigit);
  return part;
}

function choice(version, score, words) {
  const label = fresh("score");
  const input = label.querySelector("input");
  input.name = version;
  input.value = score;
  input.checked = scores.get(version) === score;
  input.setAttribute("aria-label", `${score}: ${words}`);
  label.title = words;
  label.querySelector("span").textContent = score;
  return label;
}

function byDigit(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const input = event.currentTarget.querySelector(`input[value="${CSS.escape(event.key)}"]`);
  if (!input) return;
  event.preventDefault();
  input.click();
  focusOn(event.currentTarget.nextElementSibling);
}

function focusOn(fieldset, options) {
  const input = fieldset?.querySelector(":checked") ?? fieldset?.querySelector("input") ?? $("next");
  input.focus(options);
}

function count() {
  $("count").textContent = `${scores.size} of ${total()} versions rated, as ${rater}`;
  $("progress").max = total();
  $("progress").value = scores.size;
}

function end() {
  const left = total() - scores.size;
  $("end-title").textContent = left ? "Not everything is rated yet" : "All patches are rated. Thank you!";
  $("end-text").textContent = [
    left ? `${left} of ${total()} versions have no rating yet.` : "",
    served ? "You can close this page." : "Save your ratings and send the file to the person who gave you this page.",
  ].join(" ");
  $("return").textContent = served
    ? "To go on later, enter that as your name."
    : "To go on later, open this page again in this browser.";
  $("missing").hidden = left === 0;
  $("save").hidden = served;
  only("end");
  $("end-title").focus();
}

function save() {
  const lines = keptAnswers().map((kept) => `${JSON.stringify(kept)}\n`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  link.download = `ratings-${rater}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function enter(event) {
  event.preventDefault();
  const typed = $("name").value.trim();
  const name = slug(typed);
  $("name-wrong").textContent = typed && !name ? "A name needs at least one letter or digit." : "";
  if (name || !typed) begin(identified(name));
}

// The rater in the address, by which a reload and a bookmark go on; "" where it holds none.
function addressed() {
  try {
    const id = decodeURIComponent(location.hash.slice(1));
    return slug(id, 48) === id ? id : "";
  } catch {
    return "";
  }
}

function start() {
  if (addressed()) return begin(addressed());
  const last = shelf.getItem(`${study.id} last`);
  $("again").hidden = !last;
  $("resume").textContent = `Go on as ${last}`;
  $("resume").onclick = () => begin(last);
  only("start");
}

$("enter").addEventListener("submit", enter);
$("rating").addEventListener("submit", (event) => {
  event.preventDefault();
  screen + 1 < patches.length ? show(screen + 1) : end();
});
$("back").addEventListener("click", () => show(screen - 1));
$("missing").addEventListener("click", () => show(firstMissing()));
$("look").addEventListener("click", () => show(0));
$("stop").addEventListener("click", end);
$("save").addEventListener("click", save);
addEventListener("hashchange", () => location.reload());
start();
