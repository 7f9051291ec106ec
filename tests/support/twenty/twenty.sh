add() { echo $(($1 + $2)); }
negate() { awk -v x="$1" 'BEGIN { printf "%.17g\n", -x }'; }
is_even() { if (($1 % 2 == 0)); then echo true; else echo false; fi; }
greet() { echo "Hello, $1!"; }
echo_() { :; }
function echo { printf '%s\n' "$1"; }
repeated() { local made=""; for ((at = 0; at < $2; at++)); do made+="$1"; done; printf '%s' "$made"; }
doubled() { local made=(); for x in $1; do made+=($((2 * x))); done; printf '%s' "${made[*]}"; }
total() { awk -v xs="$1" 'BEGIN { n = split(xs, x, " "); s = 0; for (i = 1; i <= n; i++) s += x[i]; printf "%.17g", s }'; }
numbered() { local made=(); for ((at = 0; at < $1; at++)); do made+=("w$at"); done; printf '%s' "${made[*]}"; }
flatten() { printf '%s' "$1" | tr '\n' ' '; }
chunks() {
    local xs=($1) at
    for ((at = 0; at < ${#xs[@]}; at += $2)); do printf '%s\n' "${xs[*]:at:$2}"; done
}
counts() {
    declare -A made
    for word in $1; do made[$word]=$((${made[$word]:-0} + 1)); done
    for word in "${!made[@]}"; do printf '%s,%s\n' "$word" "${made[$word]}"; done
}
lookup() {
    while IFS=, read -r key value; do
        if [ "$key" = "$2" ]; then printf '%s' "$value"; return; fi
    done <<< "$1"
    printf 'None'
}
first() { local xs=($1); printf '%s' "${xs[0]:-None}"; }
after() { if [ "$1" = None ]; then printf 0; else printf '%s' $(($1 + 1)); fi; }
divided() { printf '%s %s' $(($1 / $2)) $(($1 % $2)); }
squares() { for ((at = 1; at <= $1; at++)); do printf '%s,%s\n' "$at" $((at * at)); done; }
inverted() { local made=(); for x in $1; do if [ "$x" = true ]; then made+=(false); else made+=(true); fi; done; printf '%s' "${made[*]}"; }
half() { awk -v n="$1" 'BEGIN { print n / 2 }'; }
no_entries() { :; }
