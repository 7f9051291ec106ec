
final class RegrowthDriver
{
    private static function tree($value, int $depth): string
    {
        if ($depth > 100) {
            throw new \DomainException('a value nested deeper than 100');
        }
        if ($value === null || \is_bool($value) || \is_int($value)) {
            return \var_export($value, true) === 'NULL' ? 'null' : (string) \json_encode($value);
        }
        if (\is_float($value)) {
            if (\is_finite($value)) {
                return \var_export($value, true);
            }
            return '{"float":"' . (\is_nan($value) ? 'nan' : ($value > 0 ? 'inf' : '-inf')) . '"}';
        }
        if (\is_string($value)) {
            $text = \json_encode($value);
            return $text === false ? '{"bytes":"' . \bin2hex($value) . '"}' : $text;
        }
        if (!\is_array($value)) {
            throw new \DomainException(\is_object($value) ? \get_class($value) : \gettype($value));
        }
        $parts = [];
        $listed = $value === [] || \array_keys($value) === \range(0, \count($value) - 1);
        foreach ($value as $key => $one) {
            $part = self::tree($one, $depth + 1);
            $parts[] = $listed ? $part : '[' . self::tree($key, $depth + 1) . ',' . $part . ']';
        }
        return $listed ? '[' . \implode(',', $parts) . ']' : '{"dict":[' . \implode(',', $parts) . ']}';
    }

    public static function call(int $at, callable $made): void
    {
        try {
            $line = '"value":' . self::tree($made(), 0);
        } catch (\Throwable $error) {
            $words = $error instanceof \DomainException ? 'not a plain value: ' : \get_class($error) . ': ';
            $line = '"error":' . \json_encode(\substr($words . $error->getMessage(), 0, 300), JSON_INVALID_UTF8_SUBSTITUTE);
        }
        \fwrite(\STDOUT, "@@MARK@@ {\"at\":$at,$line}\n");
        \fflush(\STDOUT);
    }
}
@@CALLS@@
exit(0);
