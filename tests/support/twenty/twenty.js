const add = (a, b) => a + b;
const negate = (x) => -x;
const is_even = (n) => n % 2 === 0;
function greet(name) { return `Hello, ${name}!`; }
function echo(text) { return text; }
function repeated(text, n) { return text.repeat(n); }
function doubled(xs) { return xs.map((x) => 2 * x); }
function total(xs) { return xs.reduce((a, b) => a + b, 0); }
function numbered(n) { return Array.from({ length: n }, (_, at) => `w${at}`); }
function flatten(rows) { return rows.flat(); }
function chunks(xs, n) {
  const made = [];
  for (let at = 0; at < xs.length; at += n) made.push(xs.slice(at, at + n));
  return made;
}
function counts(words) {
  const made = {};
  for (const word of words) made[word] = (made[word] || 0) + 1;
  return made;
}
function lookup(table, key) { return table[key]; }
function first(xs) { return xs.length ? xs[0] : null; }
function after(n) { return n === null ? 0 : n + 1; }
function divided(a, b) { return [Math.floor(a / b), a % b]; }
function squares(n) {
  const made = new Map();
  for (let at = 1; at <= n; at++) made.set(at, at * at);
  return made;
}
function inverted(flags) { return flags.map((flag) => !flag); }
async function half(n) { return n / 2; }
function no_entries(n) { return {}; }
