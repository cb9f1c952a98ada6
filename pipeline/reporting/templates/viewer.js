// Of every dataset: all versions show the same part of the image, and a divider compares two of them. Places are in
// HR pixels, as attributes of SVG. Nothing moves by itself, so there is no motion to reduce.
for (const figure of document.querySelectorAll(".comparison")) {
  const box = (text) => { const [x, y, w, h] = text.split(" ").map(Number); return { x, y, w, h }; };
  const text = ({ x, y, w, h }) => `${x} ${y} ${w} ${h}`;
  const find = (selector) => figure.querySelector(selector);
  const all = box(figure.dataset.view), square = box(figure.dataset.square);
  const tiles = find(".tiles"), pictures = [...tiles.querySelectorAll("svg")];
  const frames = figure.querySelectorAll(".frame"), said = find("output"), controls = find(".controls");
  const pair = find(".pair"), both = find(".pair svg"), over = find(".over"), line = find(".pair line");
  const divider = find(".divider input"), follow = find(".follow");
  const FEWEST = 8, STEP = 1.5, MOVE = 0.25;
  let shown = square;

  const within = (start, length, first, room) =>
    length >= room ? first - (length - room) / 2 : Math.min(Math.max(start, first), first + room - length);
  const put = (element, { x, y, w, h }) => {
    for (const [name, value] of Object.entries({ x, y, width: w, height: h })) element.setAttribute(name, value);
  };

  function divide() {
    const part = follow.checked ? shown : all, share = divider.value / 100;
    const right = { ...part, x: part.x + share * part.w, w: (1 - share) * part.w };
    both.setAttribute("viewBox", text(part));
    over.setAttribute("viewBox", text(right));
    put(over, right);
    for (const [name, value] of Object.entries({ x1: right.x, x2: right.x, y1: part.y, y2: part.y + part.h })) {
      line.setAttribute(name, value);
    }
    const names = [".before", ".after"].map((list) => find(list).selectedOptions[0].text);
    divider.setAttribute("aria-valuetext", `${divider.value} %: left ${names[0]}, right ${names[1]}`);
    both.setAttribute("aria-label", `Left of the divider ${names[0]}, right of it ${names[1]}`);
  }

  function choose() {
    const uri = (list) => find(`[data-version="${find(list).value}"]`).getAttribute("href");
    find(".under").setAttribute("href", uri(".before"));
    over.firstElementChild.setAttribute("href", uri(".after"));
    divide();
  }

  function show(side, x, y) {
    side = Math.min(Math.max(side, FEWEST), Math.max(all.w, all.h));
    shown = { x: within(x, side, all.x, all.w), y: within(y, side, all.y, all.h), w: side, h: side };
    for (const picture of pictures) picture.setAttribute("viewBox", text(shown));
    const left = Math.max(shown.x, all.x), top = Math.max(shown.y, all.y);
    for (const frame of frames) put(frame, { x: left, y: top, w: Math.min(side, all.w), h: Math.min(side, all.h) });
    said.textContent = `${Math.round(side)} pixels a side from ${Math.round(left)}, ${Math.round(top)}`;
    if (follow.checked) divide();
  }

  // The part becomes `factor` times as large; what is at the shares (u, v) of it stays there.
  const zoom = (factor, u = 0.5, v = 0.5) => {
    const side = Math.min(Math.max(shown.w * factor, FEWEST), Math.max(all.w, all.h));
    show(side, shown.x + u * (shown.w - side), shown.y + v * (shown.h - side));
  };
  const move = (u, v) => show(shown.w, shown.x + u * shown.w, shown.y + v * shown.h);
  const actions = {
    in: () => zoom(1 / STEP), out: () => zoom(STEP),
    square: () => show(square.w, square.x, square.y), all: () => show(Infinity, all.x, all.y),
    left: () => move(-MOVE, 0), right: () => move(MOVE, 0), up: () => move(0, -MOVE), down: () => move(0, MOVE),
  };
  const keys = {
    "+": "in", "=": "in", "-": "out", Home: "square", End: "all",
    ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down",
  };
  controls.addEventListener("click", (event) => { actions[event.target.dataset.do]?.(); });
  tiles.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
    actions[keys[event.key]]();
    event.preventDefault();
  });

  const share = (event, picture) => {
    const { left, top, width, height } = picture.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  };
  for (const picture of pictures) {
    let held = null;
    picture.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      zoom(2 ** (event.deltaY / 200), ...share(event, picture));
      event.preventDefault();
    }, { passive: false });
    picture.addEventListener("pointerdown", (event) => {
      picture.setPointerCapture(event.pointerId);
      held = { at: share(event, picture), part: shown };
    });
    picture.addEventListener("pointermove", (event) => {
      if (!held) return;
      const [u, v] = share(event, picture), { at, part } = held;
      show(part.w, part.x - (u - at[0]) * part.w, part.y - (v - at[1]) * part.h);
    });
    for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => { held = null; });
  }

  const drag = (event) => {
    if (!both.hasPointerCapture(event.pointerId)) return;
    divider.value = 100 * share(event, both)[0];
    divide();
  };
  both.addEventListener("pointerdown", (event) => { both.setPointerCapture(event.pointerId); drag(event); });
  both.addEventListener("pointermove", drag);
  for (const list of [".before", ".after"]) find(list).addEventListener("change", choose);
  for (const input of [divider, follow]) input.addEventListener("input", divide);

  // Paper shows the squares that the caption speaks of.
  let seen = shown;
  addEventListener("beforeprint", () => { seen = shown; actions.square(); });
  addEventListener("afterprint", () => { show(seen.w, seen.x, seen.y); });

  tiles.tabIndex = 0;
  tiles.setAttribute("role", "group");
  tiles.setAttribute("aria-label", "All versions. Arrow keys move, plus and minus zoom, Home shows the square, End all.");
  figure.parentElement.classList.add("live");
  controls.hidden = pair.hidden = document.querySelector(".scripted").hidden = false;
  show(square.w, square.x, square.y);
  choose();
}
