add(a::Int, b::Int) = a + b
negate(x::Float64) = -x
is_even(n::Int) = n % 2 == 0
greet(name::String) = "Hello, $(name)!"
echo(text::String) = text
repeated(text::String, n::Int) = text^n
doubled(xs::Vector{Int}) = 2 .* xs
total(xs::Vector{Float64}) = isempty(xs) ? 0.0 : sum(xs)
numbered(n::Int) = ["w$(at)" for at in 0:n-1]
flatten(rows::Vector{Vector{Int}}) = vcat(rows...)
chunks(xs::Vector{Int}, n::Int) = [xs[at:min(at + n - 1, end)] for at in 1:n:length(xs)]
counts(words::Vector{String}) = Dict(word => count(==(word), words) for word in words)
lookup(table::Dict{String,Int}, key::String) = get(table, key, nothing)
first(xs::Vector{Int}) = isempty(xs) ? nothing : xs[1]
after(n::Union{Int,Nothing}) = n === nothing ? 0 : n + 1
divided(a::Int, b::Int) = divrem(a, b)
squares(n::Int) = Dict(at => at * at for at in 1:n)
inverted(flags::Vector{Bool}) = [!flag for flag in flags]
half(n::Int) = n / 2
no_entries(n::Int) = Dict{String,Int}()
