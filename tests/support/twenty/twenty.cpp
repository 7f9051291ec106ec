#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>
using namespace std;
long add(long a, long b) { return a + b; }
double negate_(double x) { return -x; }
bool is_even(int n) { return n % 2 == 0; }
string greet(const string &name) { return "Hello, " + name + "!"; }
string echo(string text) { return text; }
string repeated(string text, int n) { string made; while (n-- > 0) made += text; return made; }
vector<int> doubled(vector<int> &xs) { for (int &x : xs) x *= 2; return xs; }
double total(const vector<double> &xs) { double sum = 0; for (double x : xs) sum += x; return sum; }
vector<string> numbered(int n) { vector<string> made; for (int at = 0; at < n; at++) made.push_back("w" + to_string(at)); return made; }
vector<long> flatten(vector<vector<long>> rows) { vector<long> made; for (auto &row : rows) made.insert(made.end(), row.begin(), row.end()); return made; }
vector<vector<int>> chunks(vector<int> xs, size_t n) {
    vector<vector<int>> made;
    for (size_t at = 0; at < xs.size(); at += n) made.emplace_back(xs.begin() + at, xs.begin() + min(at + n, xs.size()));
    return made;
}
unordered_map<string, int> counts(vector<string> words) { unordered_map<string, int> made; for (auto &word : words) made[word]++; return made; }
optional<long> lookup(map<string, long> table, string key) { if (table.count(key)) return table[key]; return nullopt; }
optional<int> first(vector<int> xs) { return xs.empty() ? nullopt : optional<int>(xs[0]); }
long after(optional<long> n) { return n ? *n + 1 : 0; }
tuple<long, long> divided(long a, long b) { return {a / b, a % b}; }
map<int, int> squares(int n) { map<int, int> made; for (int at = 1; at <= n; at++) made[at] = at * at; return made; }
vector<bool> inverted(vector<bool> flags) { flags.flip(); return flags; }
double half(int n) { return n / 2.0; }
map<string, long> no_entries(int n) { return {}; }
int main() { return 1; }
