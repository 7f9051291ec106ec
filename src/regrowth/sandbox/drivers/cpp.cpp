#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <iostream>
#include <limits>
#include <list>
#include <map>
#include <numeric>
#include <optional>
#include <queue>
#include <set>
#include <sstream>
#include <stack>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>
#include <climits>
#include <cctype>
#include <iomanip>
#define main regrowth_candidate_main
#include "candidate.cpp"
#undef main

namespace regrowth_driver {
template <class R, class... A> std::tuple<std::decay_t<A>...> taken(R (*)(A...));

inline std::string text(const std::string &value) {
    static const char *digits = "0123456789abcdef";
    std::string made = "{\"bytes\":\"";
    for (unsigned char one : value) { made += digits[one >> 4]; made += digits[one & 15]; }
    return made + "\"}";
}
template <class T> std::string tree(const T &value);
template <class T> struct is_tuple : std::false_type {};
template <class... T> struct is_tuple<std::tuple<T...>> : std::true_type {};
template <class A, class B> struct is_tuple<std::pair<A, B>> : std::true_type {};
template <class T> struct is_optional : std::false_type {};
template <class T> struct is_optional<std::optional<T>> : std::true_type {};
template <class T, class = void> struct is_listed : std::false_type {};
template <class T> struct is_listed<T, std::void_t<decltype(std::begin(std::declval<const T &>()))>> : std::true_type {};
template <class T, class = void> struct has_key : std::false_type {};
template <class T> struct has_key<T, std::void_t<typename T::key_type>> : std::true_type {};
template <class T, class = void> struct is_mapped : std::false_type {};
template <class T> struct is_mapped<T, std::void_t<typename T::mapped_type>> : std::true_type {};

template <class T> std::string listed(const T &values) {
    std::string made = "[";
    for (const auto &one : values) {
        if (made.size() > 1) made += ",";
        made += tree(static_cast<const typename std::iterator_traits<decltype(std::begin(values))>::value_type &>(one));
    }
    return made + "]";
}
template <class T> std::string mapped(const T &values) {
    std::string made = "[";
    for (const auto &one : values) {
        if (made.size() > 1) made += ",";
        made += "[" + tree(one.first) + "," + tree(one.second) + "]";
    }
    return "{\"dict\":" + made + "]}";
}
template <class T> std::string tupled(const T &value) {
    std::string made;
    std::apply([&](const auto &...one) { ((made += (made.empty() ? "" : ",") + tree(one)), ...); }, value);
    return "{\"tuple\":[" + made + "]}";
}
inline std::string number(double value) {
    if (std::isnan(value)) return "{\"float\":\"nan\"}";
    if (std::isinf(value)) return value > 0 ? "{\"float\":\"inf\"}" : "{\"float\":\"-inf\"}";
    char made[64];
    std::snprintf(made, sizeof made, "%.17g", value);
    return std::strpbrk(made, ".eE") ? made : std::string(made) + ".0";
}
template <class T> std::string tree(const T &value) {
    if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
    else if constexpr (std::is_same_v<T, char>) return text(std::string(1, value));
    else if constexpr (std::is_integral_v<T>) return std::to_string(value);
    else if constexpr (std::is_same_v<T, float>) { char made[64]; std::snprintf(made, sizeof made, "%.9g", (double)value); return number(std::atof(made)); }
    else if constexpr (std::is_floating_point_v<T>) return number(static_cast<double>(value));
    else if constexpr (std::is_same_v<T, std::nullopt_t> || std::is_same_v<T, std::nullptr_t>) return "null";
    else if constexpr (std::is_convertible_v<T, std::string>) return text(value);
    else if constexpr (is_optional<T>::value) return value ? tree(*value) : "null";
    else if constexpr (is_tuple<T>::value) return tupled(value);
    else if constexpr (is_mapped<T>::value) return mapped(value);
    else if constexpr (has_key<T>::value) return "{\"set\":" + listed(value) + "}";
    else if constexpr (is_listed<T>::value) return listed(value);
    else return "{\"unplain\":\"object\"}";
}
inline void say(int at, const std::string &line) {
    std::cout << std::flush;
    std::printf("@@MARK@@ {\"at\":%d,%s}\n", at, line.c_str());
    std::fflush(stdout);
}
inline std::string quoted(const std::string &words) {
    std::string made = "\"";
    for (char one : words.substr(0, 300)) made += one < 32 || one > 126 || one == '"' || one == '\\' ? '?' : one;
    return made + "\"";
}
template <class F> void call(int at, F made) {
    try {
        say(at, "\"value\":" + made());
    } catch (const std::exception &error) {
        say(at, "\"error\":" + quoted(std::string("exception: ") + error.what()));
    } catch (...) {
        say(at, "\"error\":\"an exception\"");
    }
}
} // namespace regrowth_driver

@@CALLS@@
    return 0;
}
