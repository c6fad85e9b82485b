// The page: it draws what Python computed, and runs the forward pass again where a word was changed.
const DATA = JSON.parse(document.getElementById("data").textContent), MODELS = DATA.models;
const $ = (selector, root = document) => root.querySelector(selector);
const make = (tag, attributes = {}, ...inside) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...inside);
  return node;
};
const svg = text => { const box = make("template"); box.innerHTML = text; return box.content.firstElementChild; };
const escaped = text => String(text).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
const digits = (x, n = 3) => Number.isFinite(x) ? (x !== 0 && Math.abs(x) < 1e-3 ? x.toExponential(1) : x.toFixed(n)).replace("-", "\u2212") : "\u2013";
const signed = (x, n = 2) => (x > 0 ? "+" : "") + digits(x, n);
const percent = x => signed(100 * x, 1) + "%";

// ---- the text that is shown: what Python read, or what the reader made of it

const VOCABULARY = new Map(DATA.vocabulary ? DATA.vocabulary.map((word, n) => [word, DATA.rows ? DATA.rows[n] : n]) : []);
const LIVE = MODELS.every(model => model.net) && DATA.vocabulary !== null;
MODELS.forEach(model => model.net && load(model.net));
const FIRST = MODELS[0].words.map((word, n) => ({ word, id: MODELS[0].ids[n] }));
let tokens = FIRST.slice(), edited = false, chosen = 0, sorting = "number", started = 0;

const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
function still(map, n, H) {  // the whole numbers of a map as one row of H numbers per word
  const raw = bytes(map.data), whole = map.bits === 16 ? new Uint16Array(raw.buffer) : raw, most = 2 ** map.bits - 1;
  return Array.from({ length: n }, (_, t) => Float64Array.from(whole.subarray(t * H, (t + 1) * H), v => map.low + v / most * (map.high - map.low)));
}
const shown = MODELS.map(model => ({
  p: model.p, prediction: model.prediction,
  maps: model.layers.map(each => Object.fromEntries([...each.maps, ...each.stills].map(map => [map.name, still(map, model.words.length, each.units)]))),
}));

function rowOf(model, list) {
  const T = model.net.length, ids = list.map(token => token.id);
  return T === null ? ids : [...Array(Math.max(0, T - ids.length)).fill(0), ...ids.slice(-T)];
}
const read = list => Math.min(list.length, MODELS[0].net.length ?? Infinity);  // how many words the row holds

function recompute() {
  MODELS.forEach((model, m) => {
    const row = rowOf(model, tokens), n = read(tokens), result = forward(model.net, row, model.readsOn);
    shown[m].prediction = result.y;
    shown[m].p = result.p ? result.p.slice(-n) : [...Array(n - 1).fill(NaN), result.y];
    shown[m].maps = model.layers.map(each => Object.fromEntries(Object.entries(result.traces[each.name]).map(([name, rows]) => [name, rows.slice(-n)])));
  });
  if (MODELS.some(model => !model.readsOn)) curves(++started, 1);
}

function curves(mine, k) {  // p of the text cut after k words, a few of them at a time
  const until = performance.now() + 8, n = read(tokens), kept = tokens.slice(-n);
  for (; k < n && performance.now() < until; k++) MODELS.forEach((model, m) => {
    if (!model.readsOn) shown[m].p[k - 1] = forward(model.net, rowOf(model, kept.slice(0, k)), false).y;
  });
  if (k < n) setTimeout(() => mine === started && curves(mine, k), 0);
  else { drawWords(); drawCurve(); }
}

// ---- changing the text

// As data/words.py has it, but for rare spellings: tags and entities of HTML, signs, accents, quotes around a word.
const TAGS = /<\/?(a|b|big|blockquote|br|center|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|q|s|small|span|strong|su[bp]|table|tbody|t[dhr]|u|ul)(\s[^<>]*|\/)?>/gi;
const entity = text => { const box = make("textarea"); box.innerHTML = text; return box.value; };
const unmarked = word => word.replace(/\u00df/g, "ss").normalize("NFD").replace(/(?<=[a-z])[\u0300-\u036f]+/g, "").normalize("NFC");
function tokensOf(text) {
  const plain = text.replace(/&(#\d+|#x[\da-f]+|[a-z]\w*);/gi, entity).replace(/<!--.*?-->/gs, " ").replace(TAGS, (_, tag) => tag.toLowerCase() === "br" && VOCABULARY.has("br") ? " br " : " ");
  const letters = plain.replace(/[\u2018\u2019\u201b\u2032\u02bc\u00b4\uff07]/g, "'").replace(/(?<=\p{L})`(?=(t|s|m|d|ll|re|ve)(?![\p{L}\p{N}]))/giu, "'").replace(/\p{No}|\p{So}|\p{Sk}/gu, " ").normalize("NFKC").toLowerCase().replace(/\p{Cf}|\ufe0f/gu, "");
  return (letters.match(/[\p{L}\p{N}\p{M}']+/gu) || []).filter(word => /[\p{L}\p{N}]/u.test(word)).map(word => {
    const bare = word.replace(/^'+|'+$/g, ""), found = [word, bare, unmarked(bare)].find(each => VOCABULARY.has(each));
    return found === undefined ? { word, id: 2 } : { word: found, id: VOCABULARY.get(found) };
  });
}

function change(list, at) {
  if (list.every(token => token.id <= 2 && token.word === "<start>")) return say("A text needs at least one word.");
  const start = performance.now();
  tokens = list; edited = true;
  chosen = Math.max(0, Math.min(at, read(tokens) - 1));
  recompute();
  const unknown = tokens.slice(-read(tokens)).filter(token => token.id === 2).length;
  $("#unknown").textContent = unknown ? `${unknown} of the words ${unknown > 1 ? "are" : "is"} unknown to the model.` : "";
  $("#before").textContent = before();
  document.body.classList.add("edited");
  drawAll();
  focusWord();
  const spent = performance.now() - start;
  $("#spent").textContent = `Read and drawn again in ${spent.toFixed(1)} ms.`;
  document.documentElement.dataset.spent = spent;
}
function before() {  // what the template says of the first text
  const kept = read(tokens), left = (MODELS[0].net.length ?? kept) - kept, cut = tokens.slice(0, -kept).filter(token => token.word !== "<start>").length;
  return (left ? ` ${left} steps of padding stand before the first word.` : "") + (cut ? ` The text begins ${cut} word${cut > 1 ? "s" : ""} earlier: its end is all that fits into the model's length.` : "");
}
const place = n => tokens.length - read(tokens) + n;  // of the n-th word that is read among all tokens
function replaceWord(n, text) {
  const at = place(n);
  if (tokens[at].word === "<start>") return say("The start mark stands before every text: choose a word behind it.");
  change([...tokens.slice(0, at), ...tokensOf(text), ...tokens.slice(at + 1)], n);
}
function insertAfter(n, text) { const at = place(n) + 1; change([...tokens.slice(0, at), ...tokensOf(text), ...tokens.slice(at)], n + 1); }
function say(text) { $("#readout").textContent = text; }
function focusWord() { const word = $(`#words [data-n="${chosen}"]`); if (word) word.focus({ preventScroll: true }); }

// ---- words

const tint = p => Number.isFinite(p) ? `color-mix(in srgb, var(${p >= 0.5 ? "--blue" : "--vermilion"}) ${Math.round(Math.abs(p - 0.5) * 70)}%, transparent)` : "transparent";
const words = () => tokens.slice(-read0());
const read0 = () => LIVE ? read(tokens) : tokens.length;

function drawWords() {
  const list = $("#words"), focused = list.contains(document.activeElement);
  list.replaceChildren(...words().map((token, n) => make("li", {},
    make("button", {
      type: "button", "data-n": n, tabindex: n === chosen ? 0 : -1, "aria-pressed": n === chosen, 
      style: `background:${tint(shown[0].p[n])}`, onclick: () => choose(n, true), onkeydown: event => keyOnWord(event, n),
    }, make("span", { class: token.id === 2 ? "unknown" : null }, token.word), ...shown.map((each, m) => make("small", { class: `m${m}` }, digits(each.p[n], 2)))))));
  if (focused) focusWord();
  MODELS.forEach((model, m) => {
    $(`#p${m}`).textContent = digits(shown[m].prediction, 4);
    if (edited) $(`#said${m}`).textContent = `, ${model.of === null ? model.ends[shown[m].prediction >= 0.5 ? 1 : 0] : `the probability of ${model.of}`}, for the changed text.`;
  });
}

function choose(n, edit) {
  chosen = Math.max(0, Math.min(n, read0() - 1));
  document.querySelectorAll("#words button").forEach((button, k) => { button.tabIndex = k === chosen ? 0 : -1; button.setAttribute("aria-pressed", k === chosen); });
  document.querySelectorAll(".mark").forEach(mark => { mark.style.left = `${chosen * mark.parentElement.dataset.cw}px`; });
  const before = chosen ? shown[0].p[chosen - 1] : NaN, p = shown[0].p[chosen];
  say(`Word ${chosen + 1}, \u201c${words()[chosen].word}\u201d: p ${chosen ? `${digits(before)} \u2192 ` : ""}${digits(p)}${chosen && Number.isFinite(p - before) ? ` (${signed(p - before, 3)})` : ""}${edited ? "" : `; without it, the last p would be ${digits(shown[0].prediction - MODELS[0].saliency.leave_one_out[chosen])}`}`);
  if (LIVE && edit) { $("#word").value = words()[chosen].word; $("#editor").hidden = false; }
}

function keyOnWord(event, n) {
  const to = { ArrowRight: n + 1, ArrowDown: n + 1, ArrowLeft: n - 1, ArrowUp: n - 1, Home: 0, End: read0() - 1 }[event.key];
  if (to !== undefined) { choose(to, false); focusWord(); event.preventDefault(); }
  else if (LIVE && (event.key === "Delete" || event.key === "Backspace")) { replaceWord(n, ""); event.preventDefault(); }
  else if (event.key === "Enter" && LIVE) { choose(n, true); $("#word").focus(); $("#word").select(); event.preventDefault(); }
}

// ---- pictures: all of a model's share their columns, one for each word

function lut(stops) {  // 1,024 colours between the stops
  const colours = Array.from({ length: 1024 }, (_, n) => {
    const x = n / 1023 * (stops.length - 1), k = Math.min(stops.length - 2, Math.floor(x));
    return stops[k].map((c, i) => Math.round(c + (x - k) * (stops[k + 1][i] - c)));
  });
  return v => colours[Math.max(0, Math.min(1023, Math.round(1023 * v)))];
}
const GATE = lut([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]);
const BOTH = lut([[163, 62, 0], [226, 148, 96], [245, 243, 240], [110, 176, 216], [0, 84, 140]]);

function labelled(list, cw, above = "") {
  const longest = Math.max(...list.map(token => token.word.length));
  return make("div", { class: `labels ${above}`, "aria-hidden": "true", style: `height:${Math.min(6.5, 0.9 + 0.45 * longest)}rem` }, ...list.map(token => make("span", { style: `width:${cw}px` }, token.word)));
}
const widths = new Map();  // of the boxes: to ask for one lays the page out again
function columnsOf(box, n, taken = 4) {
  if (!widths.has(box)) widths.set(box, box.clientWidth);
  return Math.max(13, Math.min(30, Math.floor((widths.get(box) - taken) / n)));
}
function strip(box, cw, n, ...inside) {
  box.replaceChildren(make("div", { class: "strip", style: `width:${cw * n}px`, "data-cw": cw }, ...inside, make("div", { class: "mark", style: `width:${cw}px;left:${chosen * cw}px` })));
}
function openAt(box, values, cw) {  // a picture wider than its box is first seen where its largest number is
  const wide = box.scrollWidth > box.clientWidth, note = box.previousElementSibling?.matches(".sideways") ? box.previousElementSibling : null;
  if (!wide) return note?.remove();
  const sizes = values.map(v => Math.abs(v) || 0), t = sizes.indexOf(Math.max(...sizes));
  box.scrollLeft = (t + 0.5) * cw - box.clientWidth / 2;
  if (!note) box.before(make("p", { class: "note sideways" }, "Wider than the screen: it opens at its largest number. Scroll sideways for the other words."));
}
// The numbers of an upright axis, which stay in sight when the picture is scrolled.
const axis = marks => make("div", { class: "axis", "aria-hidden": "true" }, ...marks.map(([at, text]) => make("span", { style: `top:${at + (at < 12 ? 1 : -13)}px` }, String(text))));
const line = (values, cw, y) => values.map((v, n) => Number.isFinite(v) ? `${n && Number.isFinite(values[n - 1]) ? "L" : "M"}${((n + 0.5) * cw).toFixed(1)} ${y(v).toFixed(1)}` : "").join("");

function drawCurve() {
  const box = $("#curve"), n = read0(), cw = columnsOf(box, n), h = 120, y = p => 6 + (h - 12) * (1 - p);
  const grid = [0, 0.5, 1].map(p => `<path class="grid" d="M0 ${y(p)}H${cw * n}"/>`).join("");
  const lines = shown.map((each, m) => `<path class="line m${m}" d="${line(each.p, cw, y)}"/><path class="line dots m${m}" d="${each.p.map((p, k) => Number.isFinite(p) ? `M${(k + 0.5) * cw} ${y(p).toFixed(1)}h0` : "").join("")}"/>`).join("");
  strip(box, cw, n, axis([0, 0.5, 1].map(p => [y(p), p])), svg(`<svg role="img" aria-label="p after each word; the numbers stand under the words above" width="${cw * n}" height="${h}">${grid}${lines}</svg>`), labelled(words(), cw));
}

function orderOf(rows, weights) {
  const H = rows[0].length, units = [...Array(H).keys()], mean = units.map(j => rows.reduce((sum, row) => sum + row[j], 0) / rows.length);
  const spread = units.map(j => Math.max(...rows.map(row => row[j])) - Math.min(...rows.map(row => row[j])));
  const by = { mean, last: units.map(j => rows[rows.length - 1][j]), spread }[sorting];
  return by ? units.sort((a, b) => by[b] - by[a]) : units;
}

function drawMap(m, l, map, cw, frozen) {
  const each = MODELS[m].layers[l], rows = shown[m].maps[l][map.name], n = rows ? rows.length : 0;
  const title = make("div", { class: "maptitle" });
  const name = make(map.equation ? "button" : "strong", map.equation ? { type: "button", "aria-expanded": "false", onclick: event => equation(event.currentTarget, map) } : {}, map.name);
  const [low, high] = map.scale, gate = low === 0;
  const exact = edited && !frozen ? "" : ` \u00b7 ${map.bits} bits: \u00b1${digits((map.high - map.low) / (2 ** map.bits - 1) / 2, 5)}`;
  title.append(name, ` ${map.about} `, make("span", { class: `legend ${gate ? "gate" : "both"}` }, `${digits(low, gate ? 0 : 2)}`, make("i"), `${digits(high, gate ? 0 : 2)}`), make("small", {}, exact));
  if (!rows) return [title, make("p", { class: "note" }, "A still of the text that Python read: not for a changed one.")];
  const order = orderOf(rows), H = order.length, ch = Math.max(1, Math.min(8, Math.round(120 / H)));
  const canvas = make("canvas", { width: n, height: H, style: `width:${n * cw}px;height:${H * ch}px`, tabindex: 0, role: "img", "aria-label": `${map.name}, ${map.about}: ${H} units by ${n} words. Arrow keys read single numbers; the table below has them all.` });
  const context = canvas.getContext("2d"), image = context.createImageData(n, H), colour = gate ? GATE : BOTH;
  for (let t = 0; t < n; t++) for (let k = 0; k < H; k++) {
    const at = 4 * (k * n + t), [red, green, blue] = colour((rows[t][order[k]] - low) / (high - low));
    image.data[at] = red; image.data[at + 1] = green; image.data[at + 2] = blue; image.data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  let at = [chosen, 0];
  const tell = (t, k) => {
    at = [t, k];
    say(`${MODELS.length > 1 ? `${MODELS[m].name}: ` : ""}${map.name}, unit ${order[k]}, word ${t + 1} \u201c${words()[t].word}\u201d: ${digits(rows[t][order[k]], 4)}${exact}`);
    canvas.parentElement.querySelector(".mark").style.left = `${t * cw}px`;
  };
  const point = event => tell(Math.min(n - 1, Math.max(0, Math.floor(event.offsetX / cw))), Math.min(H - 1, Math.max(0, Math.floor(event.offsetY / ch))));
  for (const kind of ["pointermove", "pointerdown"]) canvas.addEventListener(kind, point);  // a finger only presses
  canvas.addEventListener("keydown", event => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    tell(Math.max(0, Math.min(n - 1, at[0] + move[0])), Math.max(0, Math.min(H - 1, at[1] + move[1])));
  });
  return [title, canvas, tableOf(`${map.name} as a table`, () => [["unit", ...words().map(token => token.word)], ...order.map(unit => [unit, ...rows.map(row => digits(row[unit]))])])];
}

function tableOf(title, rows) {  // made when it is opened
  const box = make("div", { class: "table", tabindex: 0, role: "region", "aria-label": title }), details = make("details", { class: "astable" }, make("summary", {}, title), box);
  details.addEventListener("toggle", () => {
    if (!details.open || box.firstChild) return;
    const [head, ...body] = rows();
    box.append(make("table", {}, make("thead", {}, make("tr", {}, ...head.map(cell => make("th", { scope: "col" }, String(cell))))),
      make("tbody", {}, ...body.map(row => make("tr", {}, make("th", { scope: "row" }, String(row[0])), ...row.slice(1).map(cell => make("td", {}, String(cell))))))));
  });
  return details;
}

function tableBelow(box, title, rows) {
  if (!box.nextElementSibling?.matches(".astable")) box.after(tableOf(title, rows));
}

function equation(button, map) {
  const box = $("#equation"), was = button.getAttribute("aria-expanded") === "true";
  document.querySelectorAll(".maptitle [aria-expanded]").forEach(each => each.setAttribute("aria-expanded", "false"));
  box.hidden = was;
  if (was) return;
  button.setAttribute("aria-expanded", "true");
  const { number, text, forward, backward, file } = map.equation, code = lines => make("pre", {}, lines.join("\n"));
  box.replaceChildren(make("button", { type: "button", class: "close", onclick: () => { button.click(); button.focus(); } }, "Close"),
    make("p", { class: "formula" }, `(${number})  ${text}`), make("p", {}, "forward"), code(forward), make("p", {}, "backward, which undoes it"), code(backward), make("p", { class: "note" }, file));
  box.focus({ preventScroll: true });
}

function drawLayers() {
  const n = read0();
  MODELS.forEach((model, m) => model.layers.forEach((each, l) => {
    const box = $(`#maps${m}-${l}`);
    if (!box) return;
    const cw = columnsOf(box, n);
    strip(box, cw, n, labelled(words(), cw, "above"), ...each.maps.flatMap(map => drawMap(m, l, map, cw, false)));
    const stills = $(`#stills${m}-${l}`);
    if (!edited) strip(stills, cw, n, labelled(words(), cw, "above"), ...each.stills.flatMap(map => drawMap(m, l, map, cw, true)));
  }));
}

// ---- stills: exact for the text that Python read

function drawFlow(m, l) {
  const model = MODELS[m], lines = model.layers[l].flow, box = $(`#flow${m}-${l}`), n = model.words.length, cw = columnsOf(box, n), h = 190;
  const logs = lines.map(each => each.values.map(v => v > 0 ? Math.log10(v) : NaN)), all = logs.flat().filter(Number.isFinite);
  const top = Math.ceil(Math.max(...all)), low = Math.max(Math.floor(Math.min(...all)), top - 40), y = v => 8 + (h - 16) * (top - Math.max(v, low)) / Math.max(1, top - low);
  const every = Math.max(1, Math.ceil((top - low) / 6));
  const marks = [];
  for (let e = top; e >= low; e -= every) marks.push([y(e), e === 0 ? "1" : `1e${e}`.replace("-", "\u2212")]);
  const grid = marks.map(([at]) => `<path class="grid" d="M0 ${at}H${cw * n}"/>`).join("");
  const paths = logs.map((values, k) => `<path class="line ${lines[k].style}" d="${line(values, cw, y)}"/>`).join("");
  strip(box, cw, n, axis(marks), svg(`<svg role="img" aria-label="gradient flow; a table follows" width="${cw * n}" height="${h}">${grid}${paths}</svg>`), labelled(FIRST, cw));
  openAt(box, lines[0].values, cw);
  const first = lines[0].values[0], last = lines[0].values[n - 1], ratio = first / last;
  $(`#flowsaid${m}-${l}`).textContent = !all.length || !(last > 0 || model.layers[l].back) ? "The gradient is zero: p is so near to 0 or 1 that it has no slope left."
    : model.layers[l].back
    ? `This walk begins at the last word. At the first word, where it ends, |dp/dh| is ${digits(first, 4)}; at the last ${digits(last, 4)}.`
    : `Of the gradient at the last word, ${ratio < 0.001 ? ratio.toExponential(1) : `${(100 * ratio).toPrecision(2)}%`} reach${ratio < 0.001 ? "es" : ""} the first word: ${ratio < 0.01 ? "hardly anything is learnt from so far back" : ratio < 0.3 ? "it fades on the way, and is not lost" : ratio > 3 ? "it grows on the way" : "it comes through almost whole"}.`;
  tableBelow(box, "gradient flow as a table", () => [["", ...model.words], ...lines.map(each => [each.name, ...each.values.map(v => digits(v))])]);
}

function drawSteps(m, l) {
  const model = MODELS[m], steps = model.layers[l].steps, box = $(`#steps${m}-${l}`);
  if (!box) return;
  const n = model.words.length, cw = columnsOf(box, n, 64), h = 20, most = Math.max(...steps.shares.flat().map(Math.abs)) || 1;
  const cells = steps.shares.map((row, g) => row.map((v, t) => `<rect x="${t * cw}" y="${g * h}" width="${cw - 0.5}" height="${h - 1}" fill="rgb(${BOTH((v / most + 1) / 2)})"><title>${escaped(model.words[t])}, ${escaped(steps.gates[g])}: ${percent(v)}</title></rect>`).join("")).join("");
  strip(box, cw, n, svg(`<svg role="img" aria-label="what each step adds to dWh; a table follows" width="${cw * n}" height="${h * steps.gates.length}">${cells}</svg>`), labelled(FIRST, cw));
  box.prepend(make("div", { class: "rows", "aria-hidden": "true" }, ...steps.gates.map(gate => make("span", {}, gate))));
  openAt(box, model.words.map((_, t) => Math.max(...steps.shares.map(row => Math.abs(row[t])))), cw);
  tableBelow(box, "dWh by step as a table", () => [["", ...model.words, "padding", "sum"], ...steps.shares.map((row, g) => [steps.gates[g], ...row.map(percent), percent(steps.padding[g]), percent(row.reduce((a, b) => a + b, 0) + steps.padding[g])])]);
}

const METHODS = { leave_one_out: "leave one out", gradient_x_input: "gradient \u00d7 input", integrated_gradients: "integrated gradients" };
function drawSaliency(m) {
  const model = MODELS[m], box = $(`#saliency${m}`), n = model.words.length, cw = columnsOf(box, n), h = 74;
  const rows = Object.entries(METHODS).map(([key, name], k) => {
    const values = model.saliency[key], most = Math.max(...values.map(Math.abs)) || 1, middle = h / 2 + 6;
    const bars = values.map((v, t) => { const size = Math.abs(v) / most * (h / 2 - 8); return `<rect class="${v >= 0 ? "up" : "down"}" x="${t * cw + 1}" width="${cw - 2}" y="${(v >= 0 ? middle - size : middle).toFixed(1)}" height="${Math.max(0.5, size).toFixed(1)}"><title>${escaped(model.words[t])}: ${signed(v, 4)}</title></rect>`; }).join("");
    return [make("div", { class: "maptitle" }, make("strong", {}, name), ` largest: ${signed(values.find(v => Math.abs(v) === most) ?? 0, 3)}`), svg(`<svg role="img" aria-label="${name}; a table follows" width="${cw * n}" height="${h}"><path class="grid" d="M0 ${middle}H${cw * n}"/>${bars}</svg>`)];
  });
  strip(box, cw, n, ...rows.flat(), labelled(FIRST, cw));
  openAt(box, model.saliency.leave_one_out, cw);
  tableBelow(box, "all three as a table", () => [["", ...model.words], ...Object.entries(METHODS).map(([key, name]) => [name, ...model.saliency[key].map(v => signed(v, 3))])]);
}

function drawStills() {
  MODELS.forEach((model, m) => {
    drawSaliency(m);
    model.layers.forEach((_, l) => { drawFlow(m, l); drawSteps(m, l); });
  });
}
function drawAll() { drawWords(); drawCurve(); drawLayers(); }

// ---- doors

$("#sorting")?.addEventListener("change", event => { sorting = event.target.value; drawLayers(); });
if (LIVE) {
  $("#editor").addEventListener("submit", event => { event.preventDefault(); replaceWord(chosen, $("#word").value); });
  $("#delete").addEventListener("click", () => replaceWord(chosen, ""));
  $("#insert").addEventListener("click", () => insertAfter(chosen, $("#word").value));
  $("#other").addEventListener("submit", event => {
    event.preventDefault();
    const list = tokensOf($("#text").value);
    if (!list.length) return say("A text needs at least one word.");
    change([...FIRST.filter(token => token.word === "<start>").slice(0, 1), ...list], 0);
  });
  document.querySelectorAll(".reset").forEach(button => button.addEventListener("click", () => location.reload()));
}
let width = 0;
new ResizeObserver(() => { if (width !== innerWidth) { width = innerWidth; widths.clear(); drawAll(); drawStills(); choose(chosen, false); } }).observe(document.body);
