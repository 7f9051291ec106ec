
(define regrowth-out (current-output-port))
(define (regrowth-quoted text)
  (define (hex code) (string-append "\\u" (substring (number->string (+ code 65536) 16) 1)))
  (string-append
   "\""
   (apply string-append
          (for/list ([one (in-string text)])
            (define code (char->integer one))
            (cond [(> code 65535)
                   (string-append (hex (+ 55296 (quotient (- code 65536) 1024))) (hex (+ 56320 (remainder (- code 65536) 1024))))]
                  [(or (< code 32) (> code 126) (= code 34) (= code 92)) (hex code)]
                  [else (string one)])))
   "\""))
(define (regrowth-listed values depth)
  (string-append
   "["
   (apply string-append
          (for/list ([one values] [at (in-naturals)])
            (string-append (if (= at 0) "" ",") (regrowth-tree one (+ depth 1)))))
   "]"))
(define (regrowth-tree value depth)
  (when (> depth 100) (error "not a plain value: a value nested deeper than 100"))
  (cond [(void? value) "null"]
        [(boolean? value) (if value "true" "false")]
        [(and (exact-integer? value)) (number->string value)]
        [(and (real? value) (exact? value)) (regrowth-tree (exact->inexact value) depth)]
        [(real? value)
         (cond [(not (= value value)) "{\"float\":\"nan\"}"]
               [(= value +inf.0) "{\"float\":\"inf\"}"]
               [(= value -inf.0) "{\"float\":\"-inf\"}"]
               [else (number->string (exact->inexact value))])]
        [(string? value) (regrowth-quoted value)]
        [(char? value) (regrowth-quoted (string value))]
        [(list? value) (regrowth-listed value depth)]
        [(vector? value) (regrowth-listed value depth)]
        [(pair? value) (string-append "{\"tuple\":" (regrowth-listed (list (car value) (cdr value)) depth) "}")]
        [(hash? value)
         (string-append "{\"dict\":" (regrowth-listed (for/list ([(key one) value]) (list key one)) depth) "}")]
        [(generic-set? value) (string-append "{\"set\":" (regrowth-listed (set->list value) depth) "}")]
        [else (error (format "not a plain value: ~a" (if (procedure? value) "procedure" "object")))]))
(define (regrowth-call at made)
  (define line
    (with-handlers ([(lambda (_) #t)
                     (lambda (problem)
                       (define words (if (exn? problem) (exn-message problem) (format "~a" problem)))
                       (string-append "\"error\":" (regrowth-quoted (substring words 0 (min 300 (string-length words))))))])
      (string-append "\"value\":" (regrowth-tree (made) 0))))
  (write-string (format "@@MARK@@ {\"at\":~a,~a}\n" at line) regrowth-out)
  (flush-output regrowth-out))
@@CALLS@@
