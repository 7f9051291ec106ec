
local({
  quoted <- function(text) {
    parts <- vapply(utf8ToInt(enc2utf8(text)), function(code) {
      if (code > 0xffff) {
        code <- code - 0x10000
        sprintf("\\u%04x\\u%04x", 0xd800L + code %/% 1024L, 0xdc00L + code %% 1024L)
      } else if (code < 32 || code > 126 || code == 34 || code == 92) {
        sprintf("\\u%04x", code)
      } else {
        intToUtf8(code)
      }
    }, "")
    paste0("\"", paste(parts, collapse = ""), "\"")
  }
  number <- function(value) {
    if (is.nan(value)) return("{\"float\":\"nan\"}")
    if (is.infinite(value)) return(if (value > 0) "{\"float\":\"inf\"}" else "{\"float\":\"-inf\"}")
    if (value == round(value) && abs(value) < 2^53) return(sprintf("%.0f", value))
    short <- sprintf("%.15g", value)
    if (as.numeric(short) == value) short else sprintf("%.17g", value)
  }
  scalar <- function(value) {
    if (is.na(value) && !is.nan(value)) return("null")
    if (is.logical(value)) return(if (value) "true" else "false")
    if (is.character(value)) return(if (nchar(value, "bytes") == 0) "\"\"" else quoted(value))
    number(as.numeric(value))
  }
  tree <- function(value, depth) {
    if (depth > 100) stop("not a plain value: a value nested deeper than 100")
    if (is.null(value)) return("null")
    if (is.factor(value)) value <- as.character(value)
    if (is.matrix(value)) value <- lapply(seq_len(nrow(value)), function(at) value[at, ])
    if (!is.list(value) && !is.logical(value) && !is.numeric(value) && !is.character(value)) {
      stop(paste("not a plain value:", class(value)[1]))
    }
    parts <- vapply(seq_along(value), function(at) {
      if (is.list(value)) tree(value[[at]], depth + 1) else scalar(value[[at]])
    }, "")
    if (!is.null(names(value))) {
      keys <- vapply(names(value), function(name) if (nchar(name) == 0) "\"\"" else quoted(name), "")
      pairs <- if (length(parts)) paste0("[", keys, ",", parts, "]") else character(0)
      return(paste0("{\"dict\":[", paste(pairs, collapse = ","), "]}"))
    }
    if (!is.list(value) && length(value) == 1) return(parts)
    paste0("[", paste(parts, collapse = ","), "]")
  }
  call <- function(at, made) {
    line <- tryCatch(paste0("\"value\":", tree(made(), 0)), error = function(error) {
      paste0("\"error\":", quoted(paste0("error: ", substr(conditionMessage(error), 1, 300))))
    })
    cat("@@MARK@@ {\"at\":", sprintf("%d", at), ",", line, "}\n", sep = "")
    flush(stdout())
  }
@@CALLS@@
})
