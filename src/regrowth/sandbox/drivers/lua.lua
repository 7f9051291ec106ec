do
  local write, stdout, pcall, type, tostring, next, pairs, ipairs = io.write, io.stdout, pcall, type, tostring, next, pairs, ipairs
  local format, gsub, concat, pack, sub, error = string.format, string.gsub, table.concat, table.pack, string.sub, error
  local codes, length, math_type, math_huge = utf8.codes, utf8.len, math.type, math.huge
  local tree
  local function quoted(text)
    if not length(text) then
      return '{"bytes":"' .. gsub(text, ".", function(one) return format("%02x", one:byte()) end) .. '"}'
    end
    local parts = {}
    for _, code in codes(text) do
      if code > 0xffff then
        parts[#parts + 1] = format("\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff))
      elseif code < 32 or code > 126 or code == 34 or code == 92 then
        parts[#parts + 1] = format("\\u%04x", code)
      else
        parts[#parts + 1] = string.char(code)
      end
    end
    return '"' .. concat(parts) .. '"'
  end
  local function listed(values, last, depth)
    local parts = {}
    for at = 1, last do parts[at] = tree(values[at], depth + 1) end
    return "[" .. concat(parts, ",") .. "]"
  end
  local function keyed(value, depth)
    local count, last, whole = 0, 0, true
    for key in next, value do
      count = count + 1
      whole = whole and math_type(key) == "integer" and key >= 1
      if whole and key > last then last = key end
    end
    if whole and last <= 2 * count + 8 then return listed(value, last, depth) end
    local parts = {}
    for key, one in next, value do
      parts[#parts + 1] = "[" .. tree(key, depth + 1) .. "," .. tree(one, depth + 1) .. "]"
    end
    table.sort(parts)
    return '{"dict":[' .. concat(parts, ",") .. "]}"
  end
  tree = function(value, depth)
    if depth > 100 then error("not a plain value: a value nested deeper than 100", 0) end
    local kind = type(value)
    if kind == "nil" then return "null" end
    if kind == "boolean" then return tostring(value) end
    if kind == "string" then return quoted(value) end
    if kind == "table" then return keyed(value, depth) end
    if kind ~= "number" then error("not a plain value: " .. kind, 0) end
    if math_type(value) == "integer" then return format("%d", value) end
    if value ~= value then return '{"float":"nan"}' end
    if value == math_huge then return '{"float":"inf"}' end
    if value == -math_huge then return '{"float":"-inf"}' end
    local number = format("%.17g", value)
    if number:find("^-?%d+$") then number = number .. ".0" end
    return number
  end
  local function call(at, made)
    local found = pack(pcall(function()
      local values = pack(made())
      if values.n <= 1 then return tree(values[1], 0) end
      return listed(values, values.n, 0)
    end))
    local line = found[1] and '"value":' .. found[2] or '"error":' .. quoted(sub(tostring(found[2]), 1, 300))
    write("@@MARK@@ {\"at\":", at, ",", line, "}\n")
    stdout:flush()
  end
@@CALLS@@
end
