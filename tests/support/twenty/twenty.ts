const add = (a: number, b: number): number => a + b;
const negate = (x: number): number => -x;
const is_even = (n: number): boolean => n % 2 === 0;
function greet(name: string): string { return `Hello, ${name}!`; }
function echo(text: string): string { return text; }
function repeated(text: string, n: number): string { return text.repeat(n); }
function doubled(xs: number[]): number[] { return xs.map((x) => 2 * x); }
function total(xs: number[]): number { return xs.reduce((a, b) => a + b, 0); }
function numbered(n: number): string[] { return Array.from({ length: n }, (_, at) => `w${at}`); }
function flatten(rows: number[][]): number[] { return ([] as number[]).concat(...rows); }
function chunks<T>(xs: T[], n: number): T[][] {
  const made: T[][] = [];
  for (let at = 0; at < xs.length; at += n) made.push(xs.slice(at, at + n));
  return made;
}
export function counts(words: string[]): { [word: string]: number } {
  const made: { [word: string]: number } = {};
  for (const word of words) made[word] = (made[word] || 0) + 1;
  return made;
}
function lookup(table: Record<string, number>, key: string): number | undefined { return table[key]; }
function first(xs: number[]): number | null { return xs.length ? xs[0] : null; }
function after(n: number | null): number { return n === null ? 0 : n + 1; }
function divided(a: number, b: number): [number, number] { return [Math.floor(a / b), a % b]; }
function squares(n: number): Map<number, number> {
  const made = new Map<number, number>();
  for (let at = 1; at <= n; at++) made.set(at, at * at);
  return made;
}
function inverted(flags: boolean[]): boolean[] { return flags.map((flag) => !flag); }
function half(n: number): number { return n / 2; }
function no_entries(n: number): object { return {}; }
