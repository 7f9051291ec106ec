package main

import (
	regrowthfmt "fmt"
	"math"
	regrowthos "os"
	regrowthreflect "reflect"
	regrowthsort "sort"
	regrowthstrings "strings"
	regrowthutf8 "unicode/utf8"
)

var _ = math.NaN

func regrowthQuoted(text string) string {
	if !regrowthutf8.ValidString(text) {
		return regrowthfmt.Sprintf("{\"bytes\":\"%x\"}", text)
	}
	var made regrowthstrings.Builder
	for _, code := range text {
		if code > 0xffff {
			regrowthfmt.Fprintf(&made, "\\u%04x\\u%04x", 0xd800+((code-0x10000)>>10), 0xdc00+((code-0x10000)&0x3ff))
		} else if code < 32 || code > 126 || code == '"' || code == '\\' {
			regrowthfmt.Fprintf(&made, "\\u%04x", code)
		} else {
			made.WriteRune(code)
		}
	}
	return "\"" + made.String() + "\""
}

func regrowthTree(value regrowthreflect.Value, depth int) string {
	if depth > 100 {
		panic("not a plain value: a value nested deeper than 100")
	}
	switch value.Kind() {
	case regrowthreflect.Invalid:
		return "null"
	case regrowthreflect.Interface, regrowthreflect.Ptr:
		if value.IsNil() {
			return "null"
		}
		return regrowthTree(value.Elem(), depth+1)
	case regrowthreflect.Bool:
		return regrowthfmt.Sprint(value.Bool())
	case regrowthreflect.Int, regrowthreflect.Int8, regrowthreflect.Int16, regrowthreflect.Int32, regrowthreflect.Int64:
		return regrowthfmt.Sprint(value.Int())
	case regrowthreflect.Uint, regrowthreflect.Uint8, regrowthreflect.Uint16, regrowthreflect.Uint32, regrowthreflect.Uint64:
		return regrowthfmt.Sprint(value.Uint())
	case regrowthreflect.Float32, regrowthreflect.Float64:
		return regrowthReal(value.Float())
	case regrowthreflect.String:
		return regrowthQuoted(value.String())
	case regrowthreflect.Slice, regrowthreflect.Array:
		parts := []string{}
		for at := 0; at < value.Len(); at++ {
			parts = append(parts, regrowthTree(value.Index(at), depth+1))
		}
		return "[" + regrowthstrings.Join(parts, ",") + "]"
	case regrowthreflect.Map:
		parts := []string{}
		for _, key := range value.MapKeys() {
			parts = append(parts, "["+regrowthTree(key, depth+1)+","+regrowthTree(value.MapIndex(key), depth+1)+"]")
		}
		regrowthsort.Strings(parts)
		return "{\"dict\":[" + regrowthstrings.Join(parts, ",") + "]}"
	}
	panic("not a plain value: " + value.Type().String())
}

func regrowthReal(value float64) string {
	if math.IsNaN(value) {
		return "{\"float\":\"nan\"}"
	}
	if math.IsInf(value, 0) {
		if value > 0 {
			return "{\"float\":\"inf\"}"
		}
		return "{\"float\":\"-inf\"}"
	}
	made := regrowthfmt.Sprint(value)
	if !regrowthstrings.ContainsAny(made, ".e") {
		made += ".0"
	}
	return made
}

func regrowthConvert(value interface{}, kind regrowthreflect.Type) regrowthreflect.Value {
	if value == nil {
		return regrowthreflect.Zero(kind)
	}
	given := regrowthreflect.ValueOf(value)
	switch kind.Kind() {
	case regrowthreflect.Interface:
		return given
	case regrowthreflect.Ptr:
		made := regrowthreflect.New(kind.Elem())
		made.Elem().Set(regrowthConvert(value, kind.Elem()))
		return made
	case regrowthreflect.Slice:
		made := regrowthreflect.MakeSlice(kind, given.Len(), given.Len())
		for at := 0; at < given.Len(); at++ {
			made.Index(at).Set(regrowthConvert(given.Index(at).Interface(), kind.Elem()))
		}
		return made
	case regrowthreflect.Array:
		made := regrowthreflect.New(kind).Elem()
		for at := 0; at < given.Len(); at++ {
			made.Index(at).Set(regrowthConvert(given.Index(at).Interface(), kind.Elem()))
		}
		return made
	case regrowthreflect.Map:
		made := regrowthreflect.MakeMap(kind)
		for _, key := range given.MapKeys() {
			made.SetMapIndex(regrowthConvert(key.Interface(), kind.Key()), regrowthConvert(given.MapIndex(key).Interface(), kind.Elem()))
		}
		return made
	}
	if kind.Kind() == regrowthreflect.String != (given.Kind() == regrowthreflect.String) || (given.Kind() == regrowthreflect.Float64 && kind.Kind() != regrowthreflect.Float64 && kind.Kind() != regrowthreflect.Float32) {
		panic(regrowthfmt.Sprintf("TypeError: %v given for a %v", value, kind))
	}
	return given.Convert(kind)
}

func regrowthCall(at int, function interface{}, inputs ...interface{}) {
	line := ""
	defer func() {
		if problem := recover(); problem != nil {
			words := regrowthfmt.Sprint(problem)
			if len(words) > 300 {
				words = words[:300]
			}
			line = "\"error\":" + regrowthQuoted(regrowthstrings.ToValidUTF8("panic: "+words, "?"))
		}
		regrowthos.Stdout.WriteString(regrowthfmt.Sprintf("@@MARK@@ {\"at\":%d,%s}\n", at, line))
	}()
	called := regrowthreflect.ValueOf(function)
	given := []regrowthreflect.Value{}
	for one, value := range inputs {
		given = append(given, regrowthConvert(value, called.Type().In(one)))
	}
	found := called.Call(given)
	if len(found) == 1 {
		line = "\"value\":" + regrowthTree(found[0], 0)
		return
	}
	parts := []string{}
	for _, one := range found {
		parts = append(parts, regrowthTree(one, 0))
	}
	line = "\"value\":{\"tuple\":[" + regrowthstrings.Join(parts, ",") + "]}"
}

func main() {
@@CALLS@@
}
