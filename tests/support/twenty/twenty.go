package twenty

import (
	"fmt"
	"os"
	"strings"
)

func add(a int, b int) int          { return a + b }
func negate(x float64) float64      { return -x }
func is_even(n int32) bool          { return n%2 == 0 }
func greet(name string) string      { return fmt.Sprintf("Hello, %s!", name) }
func echo(text string) string       { return text }
func repeated(text string, n int) string { return strings.Repeat(text, n) }
func doubled(xs []int) []int {
	for at := range xs {
		xs[at] *= 2
	}
	return xs
}
func total(xs []float64) (sum float64) {
	for _, x := range xs {
		sum += x
	}
	return
}
func numbered(n int) []string {
	var made []string
	for at := 0; at < n; at++ {
		made = append(made, fmt.Sprintf("w%d", at))
	}
	return made
}
func flatten(rows [][]int64) []int64 {
	made := []int64{}
	for _, row := range rows {
		made = append(made, row...)
	}
	return made
}
func chunks(xs []int, n int) [][]int {
	made := [][]int{}
	for at := 0; at < len(xs); at += n {
		end := at + n
		if end > len(xs) {
			end = len(xs)
		}
		made = append(made, xs[at:end])
	}
	return made
}
func counts(words []string) map[string]int {
	made := map[string]int{}
	for _, word := range words {
		made[word]++
	}
	return made
}
func lookup(table map[string]int, key string) *int {
	if value, found := table[key]; found {
		return &value
	}
	return nil
}
func first(xs []int) interface{} {
	if len(xs) == 0 {
		return nil
	}
	return xs[0]
}
func after(n *int) int {
	if n == nil {
		return 0
	}
	return *n + 1
}
func divided(a, b int) (int, int) { return a / b, a % b }
func squares(n int) map[int]int {
	made := map[int]int{}
	for at := 1; at <= n; at++ {
		made[at] = at * at
	}
	return made
}
func inverted(flags []bool) []bool {
	for at := range flags {
		flags[at] = !flags[at]
	}
	return flags
}
func half(n int) float64              { return float64(n) / 2 }
func no_entries(n int) map[string]int { return map[string]int{} }
func main()                           { os.Exit(1) }
