use std::collections::{BTreeMap, HashMap};
fn add(a: i64, b: i64) -> i64 { a + b }
fn negate(x: f64) -> f64 { -x }
fn is_even(n: i32) -> bool { n % 2 == 0 }
fn greet(name: &str) -> String { format!("Hello, {}!", name) }
pub fn echo(text: String) -> String { text }
fn repeated(text: &str, n: usize) -> String { text.repeat(n) }
fn doubled(xs: &mut Vec<i32>) -> Vec<i32> { xs.iter_mut().for_each(|x| *x *= 2); xs.clone() }
fn total(xs: &[f64]) -> f64 { xs.iter().fold(0.0, |sum, x| sum + x) }
fn numbered(n: usize) -> Vec<String> { (0..n).map(|at| format!("w{}", at)).collect() }
fn flatten(rows: Vec<Vec<i64>>) -> Vec<i64> { rows.into_iter().flatten().collect() }
fn chunks(xs: &[i64], n: usize) -> Vec<Vec<i64>> { xs.chunks(n).map(|part| part.to_vec()).collect() }
fn counts(words: &[&str]) -> HashMap<String, usize> {
    let mut made = HashMap::new();
    for word in words { *made.entry(word.to_string()).or_insert(0) += 1; }
    made
}
fn lookup(table: &HashMap<String, i64>, key: &str) -> Option<i64> { table.get(key).copied() }
fn first(xs: Vec<i64>) -> Option<i64> { xs.first().copied() }
fn after(n: Option<i64>) -> i64 { n.map_or(0, |held| held + 1) }
fn divided(a: i64, b: i64) -> (i64, i64) { (a / b, a % b) }
fn squares(n: i64) -> BTreeMap<i64, i64> { (1..=n).map(|at| (at, at * at)).collect() }
fn inverted(flags: Vec<bool>) -> Vec<bool> { flags.iter().map(|flag| !flag).collect() }
fn half(n: i64) -> f64 { n as f64 / 2.0 }
fn no_entries(_n: i64) -> HashMap<String, i64> { HashMap::new() }
fn main() { std::process::exit(1); }
