function add(a, b) return a + b end
local function negate(x) return -x end
local function is_even(n) return n % 2 == 0 end
function greet(name) return "Hello, " .. name .. "!" end
function echo(text) return text end
function repeated(text, n) return text:rep(n) end
function doubled(xs) local made = {} for at, x in ipairs(xs) do made[at] = 2 * x end return made end
function total(xs) local sum = 0 for _, x in ipairs(xs) do sum = sum + x end return sum end
function numbered(n) local made = {} for at = 0, n - 1 do made[#made + 1] = "w" .. at end return made end
function flatten(rows)
  local made = {}
  for _, row in ipairs(rows) do for _, x in ipairs(row) do made[#made + 1] = x end end
  return made
end
function chunks(xs, n)
  local made = {}
  for at = 1, #xs, n do made[#made + 1] = {table.unpack(xs, at, math.min(at + n - 1, #xs))} end
  return made
end
function counts(words)
  local made = {}
  for _, word in ipairs(words) do made[word] = (made[word] or 0) + 1 end
  return made
end
function lookup(tbl, key) return tbl[key] end
function first(xs) return xs[1] end
function after(n) if n == nil then return 0 end return n + 1 end
function divided(a, b) return {a // b, a % b} end
function squares(n) local made = {} for at = 1, n do made[at] = at * at end return made end
function inverted(flags) local made = {} for at, flag in ipairs(flags) do made[at] = not flag end return made end
function half(n) return n / 2 end
function no_entries(n) return {} end
