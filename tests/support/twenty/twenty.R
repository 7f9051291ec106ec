add <- function(a, b) a + b
negate <- function(x) -x
is_even <- function(n) n %% 2 == 0
greet <- function(name) paste0("Hello, ", name, "!")
echo <- function(text) text
repeated <- function(text, n) paste(rep(text, n), collapse = "")
doubled <- function(xs) 2 * xs
total <- function(xs) sum(xs)
numbered <- function(n) if (n == 0) character(0) else paste0("w", 0:(n - 1))
flatten <- function(rows) unlist(rows)
chunks <- function(xs, n) unname(split(xs, (seq_along(xs) - 1) %/% n))
counts <- function(words) {
  made <- list()
  for (word in words) made[[word]] <- sum(words == word)
  made
}
lookup <- function(table, key) table[[key]]
first <- function(xs) if (length(xs)) xs[1] else NULL
after <- function(n) if (is.null(n)) 0 else n + 1
divided <- function(a, b) c(a %/% b, a %% b)
squares <- function(n) setNames((1:n)^2, 1:n)
inverted <- function(flags) !flags
half <- function(n) n / 2
no_entries <- function(n) list()
