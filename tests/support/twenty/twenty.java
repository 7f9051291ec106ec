import java.util.*;

public class Twenty {
    static long add(long a, long b) { return a + b; }
    static double negate(double x) { return -x; }
    static boolean is_even(int n) { return n % 2 == 0; }
    public static String greet(String name) { return "Hello, " + name + "!"; }
    public String echo(String text) { return text; }
    static String repeated(String text, int n) { return text.repeat(n); }
    static int[] doubled(int[] xs) { return Arrays.stream(xs).map(x -> 2 * x).toArray(); }
    static double total(List<Double> xs) { double sum = 0; for (double x : xs) sum += x; return sum; }
    static ArrayList<String> numbered(long n) {
        ArrayList<String> made = new ArrayList<>();
        for (long at = 0; at < n; at++) made.add("w" + at);
        return made;
    }
    static List<Long> flatten(List<List<Long>> rows) {
        List<Long> made = new ArrayList<>();
        for (List<Long> row : rows) made.addAll(row);
        return made;
    }
    static int[][] chunks(int[] xs, int n) {
        int[][] made = new int[(xs.length + n - 1) / n][];
        for (int at = 0; at < made.length; at++) made[at] = Arrays.copyOfRange(xs, at * n, Math.min(xs.length, at * n + n));
        return made;
    }
    static Map<String, Integer> counts(ArrayList<String> words) {
        Map<String, Integer> made = new HashMap<>();
        for (String word : words) made.merge(word, 1, Integer::sum);
        return made;
    }
    static Optional<Long> lookup(HashMap<String, Long> table, String key) { return Optional.ofNullable(table.get(key)); }
    static Integer first(List<Integer> xs) { return xs.isEmpty() ? null : xs.get(0); }
    static long after(Optional<Long> n) { return n.isPresent() ? n.get() + 1 : 0; }
    static long[] divided(long a, long b) { return new long[] {a / b, a % b}; }
    static Map<Integer, Integer> squares(int n) {
        Map<Integer, Integer> made = new TreeMap<>();
        for (int at = 1; at <= n; at++) made.put(at, at * at);
        return made;
    }
    static boolean[] inverted(boolean[] flags) {
        for (int at = 0; at < flags.length; at++) flags[at] = !flags[at];
        return flags;
    }
    static double half(int n) { return n / 2.0; }
    static Map<String, Long> no_entries(int n) { return new HashMap<>(); }
    public static void main(String[] given) { System.exit(1); }
}
