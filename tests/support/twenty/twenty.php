<?php
function add(int $a, int $b): int { return $a + $b; }
function negate(float $x): float { return -$x; }
function is_even(int $n): bool { return $n % 2 === 0; }
function greet(string $name): string { return "Hello, {$name}!"; }
function echo_(string $text): string { return $text; }
function repeated(string $text, int $n): string { return str_repeat($text, $n); }
function doubled(array $xs): array { return array_map(fn($x) => 2 * $x, $xs); }
function total(array $xs): float { return array_sum($xs); }
function numbered(int $n): array { $made = []; for ($at = 0; $at < $n; $at++) $made[] = "w$at"; return $made; }
function flatten(array $rows): array { return array_merge(...$rows); }
function chunks(array $xs, int $n): array { return array_chunk($xs, $n); }
function counts(array $words): array { return array_count_values($words); }
function lookup(array $table, string $key): ?int { return $table[$key] ?? null; }
function first(array $xs): ?int { return $xs[0] ?? null; }
function after(?int $n): int { return $n === null ? 0 : $n + 1; }
function divided(int $a, int $b): array { return [intdiv($a, $b), $a % $b]; }
function squares(int $n): array { $made = []; for ($at = 1; $at <= $n; $at++) $made[$at] = $at * $at; return $made; }
function inverted(array $flags): array { return array_map(fn($flag) => !$flag, $flags); }
function half(int $n): float { return $n / 2; }
function no_entries(int $n): array { return []; }
?>
