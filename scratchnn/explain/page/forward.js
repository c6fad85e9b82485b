// The forward pass of a carried model: the equations of the reference kernels, in their letters, one text at a time.
const sigmoid = a => { const e = Math.exp(-Math.abs(a)); return (a >= 0 ? 1 : e) / (1 + e); };
const SELU = 1.0507009873554805, ALPHA = 1.6732632423543772;
const ACTIVATIONS = {
  linear: a => a, relu: a => Math.max(a, 0), tanh: Math.tanh, sigmoid, exponential: Math.exp,
  leaky_relu: a => a > 0 ? a : 0.2 * a, hard_sigmoid: a => Math.min(Math.max(a / 6 + 0.5, 0), 1),
  softsign: a => a / (1 + Math.abs(a)), softplus: a => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  elu: a => a > 0 ? a : Math.expm1(a), selu: a => SELU * (a > 0 ? a : ALPHA * Math.expm1(a)),
};

const activated = (L, row) => {
  if (L.act !== "softmax") return row.map(L.f);
  const most = Math.max(...row), e = row.map(a => Math.exp(a - most)), sum = e.reduce((s, v) => s + v, 0);
  return e.map(v => v / sum);
};

// a (G) = b + row W; W is (rows, G), of which columns `first` to `last` are used
function affine(row, W, b, G, a, first = 0, last = G) {
  for (let g = first; g < last; g++) a[g] = b ? b[g] : 0;
  for (let d = 0; d < row.length; d++) {
    const x = row[d];
    if (x !== 0) for (let g = first, w = d * G + first; g < last; g++, w++) a[g] += x * W[w];
  }
}

const STEPS = {  // one step: ax and ah to the state that leaves it; `keep` takes the gates
  SimpleRNN: (L, ax, ah, s, keep) => { for (let j = 0; j < L.H; j++) s.h[j] = L.f(ax[j] + ah[j]); },
  LSTM: ({ H, f, r }, ax, ah, s, keep) => {
    for (let j = 0; j < H; j++) {
      const i = r(ax[j] + ah[j]), F = r(ax[H + j] + ah[H + j]), o = r(ax[3 * H + j] + ah[3 * H + j]);  // (3)
      const g = f(ax[2 * H + j] + ah[2 * H + j]);  // (4)
      s.c[j] = F * s.c[j] + i * g;  // (5)
      s.h[j] = o * f(s.c[j]);  // (6)
      keep.i[j] = i; keep.f[j] = F; keep.g[j] = g; keep.o[j] = o;
    }
  },
  GRU: (L, ax, ah, s, keep) => {
    const { H, f, r } = L;
    for (let j = 0; j < 2 * H; j++) (j < H ? keep.z : keep.r)[j % H] = r(ax[j] + ah[j]);  // (3)
    const q = ah.subarray(2 * H);
    if (L.after) for (let j = 0; j < H; j++) q[j] *= keep.r[j];  // (4)
    else affine(s.h.map((h, j) => h * keep.r[j]), L.params.Wh, null, 3 * H, ah, 2 * H);
    for (let j = 0; j < H; j++) {
      keep.g[j] = f(ax[2 * H + j] + q[j]);  // (5)
      s.h[j] = keep.z[j] * s.h[j] + (1 - keep.z[j]) * keep.g[j];  // (6)
    }
  },
};
const GATES = { SimpleRNN: "", LSTM: "ifgo", GRU: "zrg" };

function recurrent(L, rows, mask, traces) {
  const T = rows.length, G = (GATES[L.kind].length || 1) * L.H, P = L.params, zeros = () => new Float64Array(L.H);
  const state = { h: zeros(), ...(L.kind === "LSTM" ? { c: zeros() } : {}) }, trace = {}, y = new Array(T);
  for (const name of GATES[L.kind] + Object.keys(state).join("")) trace[name] = Array.from({ length: T }, zeros);
  const ax = new Float64Array(G), ah = new Float64Array(G), h_g = L.kind === "GRU" && !L.after ? 2 * L.H : G;
  for (let n = 0; n < T; n++) {
    const t = L.back ? T - 1 - n : n, keep = {}, real = !mask || mask[t];
    for (const gate of GATES[L.kind]) keep[gate] = trace[gate][t];
    if (real) {
      affine(rows[t], P.Wx, P.b || P.bx, G, ax);  // (1)
      affine(state.h, P.Wh, P.bh, G, ah, 0, h_g);
      STEPS[L.kind](L, ax, ah, state, keep);
    }
    for (const name in state) trace[name][t].set(state[name]);
    y[n] = real || !L.zero ? state.h.slice() : zeros();
  }
  traces[L.name] = trace;
  return L.sequences ? y : y[T - 1];
}

function merged(mode, a, b) {
  if (mode === "concat") return Float64Array.of(...a, ...b);
  return a.map((v, j) => mode === "mul" ? v * b[j] : (v + b[j]) / (mode === "ave" ? 2 : 1));
}

function layer(L, x, mask, traces) {
  if (L.kind === "Bidirectional") {
    const [f, b] = L.sides.map(side => recurrent(side, x, mask, traces));
    return L.sequences ? f.map((row, t) => merged(L.merge, row, b[b.length - 1 - t])) : merged(L.merge, f, b);
  }
  if (STEPS[L.kind]) return recurrent(L, x, mask, traces);
  if (L.kind === "Flatten") return Float64Array.from(x.flatMap(row => [...row]));
  if (L.kind === "GlobalMaxPooling1D") return x[0].map((_, d) => Math.max(...x.map(row => row[d])));
  if (L.kind === "GlobalAveragePooling1D") {
    const real = mask ? x.filter((_, t) => mask[t]) : x;
    return x[0].map((_, d) => real.reduce((sum, row) => sum + row[d], 0) / (real.length || 1));
  }
  if (Array.isArray(x)) return x.map(row => layer(L, row, mask, traces));  // step by step
  if (L.kind === "Activation") return activated(L, x);
  const y = new Float64Array(L.units);  // Dense
  affine(x, L.params.W, L.params.b, L.units, y);
  return activated(L, y);
}

// What the page calls: the weights once, and then one row of ids after another.
function load(net) {
  const bytes = Uint8Array.from(atob(net.weights), c => c.charCodeAt(0)), numbers = new Float32Array(bytes.buffer);
  const ready = L => {
    for (const name in L.params) L.params[name] = numbers.subarray(L.params[name][0], L.params[name][0] + L.params[name][1]);
    L.f = ACTIVATIONS[L.act]; L.r = ACTIVATIONS[L.rec];
    (L.sides || []).forEach(ready);
  };
  net.layers.forEach(ready);
  net.row = new Map((net.rows || [...Array(net.vocabulary).keys()]).map((id, n) => [id, n]));
}

function forward(net, ids, perWord) {
  const [E, ...others] = net.layers, traces = {}, mask = E.masked ? ids.map(id => id !== 0) : null;
  const last = others.findLastIndex(L => STEPS[L.kind] || L.kind === "Bidirectional");
  let x = ids.map(id => { const n = net.row.get(net.row.has(id) ? id : 2); return E.params.E.subarray(n * E.D, (n + 1) * E.D); });
  others.forEach((L, n) => { x = layer(L, x, mask, traces); });
  const head = row => others.slice(last + 1).reduce((y, L) => layer(L, y, null, {}), row)[0];
  const p = perWord ? traces[others[last].name].h.map(head) : null;
  return { y: x[0], traces, p };
}
