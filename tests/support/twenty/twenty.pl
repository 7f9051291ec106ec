use strict;
use warnings;
sub add { my ($x, $y) = @_; return $x + $y; }
sub negate { my ($x) = @_; return -$x; }
sub is_even { my ($n) = @_; return $n % 2 == 0; }
sub greet { my ($name) = @_; return "Hello, $name!"; }
sub echo { return $_[0]; }
sub repeated { my ($text, $n) = @_; return $text x $n; }
sub doubled { my ($xs) = @_; return [map { 2 * $_ } @$xs]; }
sub total { my ($xs) = @_; my $sum = 0; $sum += $_ for @$xs; return $sum; }
sub numbered { my ($n) = @_; return [map { "w$_" } 0 .. $n - 1]; }
sub flatten { my ($rows) = @_; return [map { @$_ } @$rows]; }
sub chunks { my ($xs, $n) = @_; my @left = @$xs; my @made; push @made, [splice @left, 0, $n] while @left; return \@made; }
sub counts { my ($words) = @_; my %made; $made{$_}++ for @$words; return \%made; }
sub lookup { my ($table, $key) = @_; return $table->{$key}; }
sub first { my ($xs) = @_; return @$xs ? $xs->[0] : undef; }
sub after { my ($n) = @_; return defined $n ? $n + 1 : 0; }
sub divided { my ($x, $y) = @_; return (int($x / $y), $x % $y); }
sub squares { my ($n) = @_; return {map { $_ => $_ * $_ } 1 .. $n}; }
sub inverted { my ($flags) = @_; return [map { !$_ } @$flags]; }
sub half { my ($n) = @_; return $n / 2; }
sub no_entries { return {}; }
