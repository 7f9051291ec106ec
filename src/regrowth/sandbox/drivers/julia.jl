
module RegrowthDriver
quoted(text) = string('"', join(map(collect(text)) do one
    code = UInt32(one)
    if code > 0xffff
        string("\\u", string(0xd800 + ((code - 0x10000) >> 10), base = 16), "\\u", string(0xdc00 + ((code - 0x10000) & 0x3ff), base = 16))
    elseif code < 32 || code > 126 || code == 34 || code == 92
        string("\\u", string(code, base = 16, pad = 4))
    else
        string(one)
    end
end), '"')
listed(values, depth) = string("[", join([tree(one, depth + 1) for one in values], ","), "]")
tagged(tag, values, depth) = string("{\"", tag, "\":", listed(values, depth), "}")
function tree(value, depth)
    depth > 100 && error("not a plain value: a value nested deeper than 100")
    if value === nothing || value === missing
        return "null"
    elseif value isa Bool || value isa Integer
        return string(value)
    elseif value isa AbstractFloat
        number = Float64(value)
        isfinite(number) && return string(number)
        return isnan(number) ? "{\"float\":\"nan\"}" : number > 0 ? "{\"float\":\"inf\"}" : "{\"float\":\"-inf\"}"
    elseif value isa AbstractString || value isa AbstractChar
        return quoted(string(value))
    elseif value isa AbstractMatrix
        return listed([value[at, :] for at in 1:size(value, 1)], depth)
    elseif value isa AbstractVector
        return listed(value, depth)
    elseif value isa Tuple
        return tagged("tuple", value, depth)
    elseif value isa Pair
        return tagged("tuple", (value.first, value.second), depth)
    elseif value isa AbstractDict
        return string("{\"dict\":[", join(["[" * tree(key, depth + 1) * "," * tree(one, depth + 1) * "]" for (key, one) in value], ","), "]}")
    elseif value isa AbstractSet
        return tagged("set", value, depth)
    end
    error("not a plain value: $(nameof(typeof(value)))")
end
const OUT = stdout
function call(made, at)
    line = try
        string("\"value\":", tree(made(), 0))
    catch problem
        string("\"error\":", quoted(first(sprint(showerror, problem), 300)))
    end
    print(OUT, "@@MARK@@ {\"at\":", at, ",", line, "}\n")
    flush(OUT)
end
end
@@CALLS@@
