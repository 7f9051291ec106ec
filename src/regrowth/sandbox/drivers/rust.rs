
#[allow(dead_code, unused_imports)]
mod regrowth_driver {
    use std::collections::*;
    use std::io::Write;

    pub trait Plain {
        fn tree(&self) -> String;
    }
    macro_rules! whole { ($($kind:ty),*) => { $(impl Plain for $kind { fn tree(&self) -> String { self.to_string() } })* } }
    whole!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, bool);
    macro_rules! real { ($($kind:ty),*) => { $(impl Plain for $kind {
        fn tree(&self) -> String {
            if self.is_nan() { return "{\"float\":\"nan\"}".to_string(); }
            if self.is_infinite() { return format!("{{\"float\":\"{}\"}}", if *self > 0.0 { "inf" } else { "-inf" }); }
            format!("{:?}", self)
        }
    })* } }
    real!(f32, f64);
    impl Plain for str {
        fn tree(&self) -> String {
            let mut made = String::from("\"");
            for unit in self.encode_utf16() {
                if unit < 32 || unit > 126 || unit == 34 || unit == 92 {
                    made.push_str(&format!("\\u{:04x}", unit));
                } else {
                    made.push(unit as u8 as char);
                }
            }
            made + "\""
        }
    }
    impl Plain for String { fn tree(&self) -> String { self.as_str().tree() } }
    impl Plain for char { fn tree(&self) -> String { self.to_string().tree() } }
    impl Plain for () { fn tree(&self) -> String { "null".to_string() } }
    impl<T: Plain + ?Sized> Plain for &T { fn tree(&self) -> String { (**self).tree() } }
    impl<T: Plain + ?Sized> Plain for Box<T> { fn tree(&self) -> String { (**self).tree() } }
    impl<T: Plain> Plain for Option<T> {
        fn tree(&self) -> String { self.as_ref().map_or("null".to_string(), |one| one.tree()) }
    }
    impl<T: Plain, E> Plain for Result<T, E> {
        fn tree(&self) -> String { self.as_ref().map_or("{\"unplain\":\"Err\"}".to_string(), |one| one.tree()) }
    }
    fn listed<T: Plain, I: Iterator<Item = T>>(held: I) -> String {
        format!("[{}]", held.map(|one| one.tree()).collect::<Vec<_>>().join(","))
    }
    impl<T: Plain> Plain for [T] { fn tree(&self) -> String { listed(self.iter()) } }
    impl<T: Plain, const N: usize> Plain for [T; N] { fn tree(&self) -> String { listed(self.iter()) } }
    impl<T: Plain> Plain for Vec<T> { fn tree(&self) -> String { listed(self.iter()) } }
    impl<T: Plain> Plain for VecDeque<T> { fn tree(&self) -> String { listed(self.iter()) } }
    impl<T: Plain, S> Plain for HashSet<T, S> { fn tree(&self) -> String { format!("{{\"set\":{}}}", listed(self.iter())) } }
    impl<T: Plain> Plain for BTreeSet<T> { fn tree(&self) -> String { format!("{{\"set\":{}}}", listed(self.iter())) } }
    fn mapped<'a, K: Plain + 'a, V: Plain + 'a, I: Iterator<Item = (&'a K, &'a V)>>(held: I) -> String {
        let parts: Vec<String> = held.map(|(key, one)| format!("[{},{}]", key.tree(), one.tree())).collect();
        format!("{{\"dict\":[{}]}}", parts.join(","))
    }
    impl<K: Plain, V: Plain, S> Plain for HashMap<K, V, S> { fn tree(&self) -> String { mapped(self.iter()) } }
    impl<K: Plain, V: Plain> Plain for BTreeMap<K, V> { fn tree(&self) -> String { mapped(self.iter()) } }
    macro_rules! tuples { ($(($($name:ident $at:tt),+)),*) => { $(impl<$($name: Plain),+> Plain for ($($name,)+) {
        fn tree(&self) -> String { format!("{{\"tuple\":[{}]}}", [$(self.$at.tree()),+].join(",")) }
    })* } }
    tuples!((A 0), (A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3), (A 0, B 1, C 2, D 3, E 4), (A 0, B 1, C 2, D 3, E 4, F 5));

    pub fn call<T: Plain, F: FnOnce() -> T>(at: usize, made: F) {
        let line = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| made().tree())) {
            Ok(tree) => format!("\"value\":{}", tree),
            Err(problem) => {
                let words = problem.downcast_ref::<String>().cloned();
                let words = words.or_else(|| problem.downcast_ref::<&str>().map(|one| one.to_string()));
                let words: String = format!("panic: {}", words.unwrap_or_default()).chars().take(300).collect();
                format!("\"error\":{}", words.tree())
            }
        };
        let mut out = std::io::stdout();
        let _ = out.write_all(format!("@@MARK@@ {{\"at\":{},{}}}\n", at, line).as_bytes());
        let _ = out.flush();
    }
}

fn main() {
@@CALLS@@
}
