
__regrowth_call() {
    local __at=$1 __said __left=0 __hex
    shift
    if __said=$("$@"); then :; else __left=$?; fi
    if [ "$__left" -ne 0 ] && [ -z "$__said" ]; then
        printf '@@MARK@@ {"at":%d,"error":"left with status %d and no output"}\n' "$__at" "$__left"
    else
        __hex=$(printf '%s' "$__said" | od -An -v -tx1 | tr -d ' \n')
        printf '@@MARK@@ {"at":%d,"value":{"bytes":"%s"}}\n' "$__at" "$__hex"
    fi
}
@@CALLS@@
exit 0
