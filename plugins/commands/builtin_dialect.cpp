#include "builtin_dialect.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include <cpl_conv.h>
#include <cpl_string.h>

#include "open_options.h"

namespace fishnet::commands
{

namespace
{
/* An argument: a number, or a flag. */
struct Parameter {
    const char *name;
    const char *preset; /* nullptr: it must be given; "": without it, the expression has an operand less */
};

struct Function {
    const char *name;
    int values; /* that it takes; 0: all, as a list */
    std::vector<Parameter> parameters;
    const char *expression; /* {S}: the list; {A}, {B}: the values; {k}: that parameter */
    const char *refused;    /* why there is none */
};

/* What is in the text. */
struct Call {
    std::string name;
    std::vector<std::pair<std::string, std::string>> arguments; /* name, or nothing, and value */
};
} // namespace

constexpr const char *kPropagate = "propagateNoData";

/* Values that are NoData are left out, as there. Last bits are those of GDAL, too, but for log, exp and pow. */
static const std::vector<Function> &Functions()
{
    static const char *const complex = "it is for complex numbers, and inputs are real";
    static const std::vector<Function> all = {
        {"sum", 0, {{"k", "0"}}, "nansum({k}, {S})", nullptr},
        {"mul", 0, {{"k", "1"}}, "nanprod({k}, {S})", nullptr},
        {"min", 0, {{"k", ""}}, "nanmin({S}{k})", nullptr},
        {"max", 0, {{"k", ""}}, "nanmax({S}{k})", nullptr},
        {"argmin", 0, {}, "nanargmin({S})", nullptr},
        {"argmax", 0, {}, "nanargmax({S})", nullptr},
        {"mean", 0, {}, "gdal_mean({S})", nullptr},
        {"geometric_mean", 0, {}, "pow(nanprod({S}), 1 / count({S}))", nullptr},
        {"harmonic_mean",
         0,
         {},
         "where(nanmin(abs([{S}])) == 0, nan, where(nansum(1 / [{S}]) > 0, count({S}) / nansum(1 / [{S}]), nan))",
         nullptr},
        {"median", 0, {}, "nanmedian({S})", nullptr},
        {"mode", 0, {}, "gdal_mode({S})", nullptr},
        {"quantile", 0, {{"q", nullptr}}, "gdal_quantile({S}, q={q})", nullptr},
        {"diff", 2, {}, "{A} - {B}", nullptr},
        {"div", 2, {}, "where(isnodata({A}), {A}, where({B} == 0, inf, {A} / {B}))", nullptr},
        {"norm_diff", 2, {}, "where({A} + {B} == 0, inf, ({A} - {B}) / ({A} + {B}))", nullptr},
        {"interpolate_linear",
         2,
         {{"t0", nullptr}, {"dt", nullptr}, {"t", nullptr}},
         "{A} + ({t} - {t0}) * ({B} - {A}) / {dt}",
         nullptr},
        {"interpolate_exp",
         2,
         {{"t0", nullptr}, {"dt", nullptr}, {"t", nullptr}},
         "{A} * exp(log({B} / {A}) / {dt} * ({t} - {t0}))",
         nullptr},
        {"inv", 1, {{"k", "1"}}, "where({A} == 0, inf, {k} / {A})", nullptr},
        {"sqrt", 1, {}, "sqrt({A})", nullptr},
        {"log10", 1, {}, "log10(abs({A}))", nullptr},
        {"dB", 1, {{"fact", "20"}}, "{fact} * log10(abs({A}))", nullptr},
        {"exp", 1, {{"base", "2.7182818284590452"}, {"fact", "1"}}, "pow({base}, {A} * {fact})", nullptr},
        {"dB2amp", 1, {}, "pow(10, {A} * 0.05)", nullptr},
        {"dB2pow", 1, {}, "pow(10, {A} * 0.1)", nullptr},
        {"pow", 1, {{"power", nullptr}}, "pow({A}, {power})", nullptr},
        {"round", 1, {{"digits", "0"}}, "round({A} * 10^{digits}) * (1 / 10^{digits})", nullptr},
        {"replace_nodata", 1, {{"to", "nan"}}, "where(isnodata({A}), {to}, {A})", nullptr},
        {"real", 1, {}, nullptr, complex},
        {"imag", 1, {}, nullptr, complex},
        {"mod", 1, {}, nullptr, complex},
        {"phase", 1, {}, nullptr, complex},
        {"conj", 1, {}, nullptr, complex},
        {"intensity", 1, {}, nullptr, complex},
        {"complex", 2, {}, nullptr, complex},
        {"polar", 2, {{"amplitude_type", ""}}, nullptr, complex},
        {"cmul", 2, {}, nullptr, complex},
        {"scale", 1, {}, nullptr, "values are computed with as they are stored; write (A * scale + offset)"},
        {"reclassify", 1, {{"mapping", ""}}, nullptr, "write where(A == 1, 10, where(A < 5, 20, NODATA))"},
        {"area", 1, {}, nullptr, "there is no area of pixels in expressions"},
        {"expression", 0, {{"expression", ""}, {"dialect", ""}}, nullptr, "write the expression without the dialect"},
    };
    return all;
}

std::vector<std::string> BuiltinFunctions()
{
    std::vector<std::string> names;
    for (const Function &function : Functions())
        if (function.expression)
            names.push_back(function.name);
    return names;
}

/* ---- reading ---- */

static std::string Trimmed(const std::string &text)
{
    const size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

/* Neither "name" nor "name(...", but "A+1" or "max(A)-min(A)". */
static bool IsExpression(const std::string &all)
{
    const auto isInName = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    const size_t end = static_cast<size_t>(std::find_if_not(all.begin(), all.end(), isInName) - all.begin());
    const size_t open = all.find_first_not_of(" \t\r\n", end);
    int depth = 0;
    if (all.empty() || open == std::string::npos)
        return !all.empty() && isdigit(static_cast<unsigned char>(all[0]));
    if (end == 0 || all[open] != '(')
        return true;
    for (size_t at = open; at + 1 < all.size(); at++) {
        depth += all[at] == '(' ? 1 : all[at] == ')' ? -1 : 0;
        if (depth == 0)
            return true;
    }
    return false;
}

static std::string SayExpression(const std::string &text)
{
    return "'" + text + "' is an expression: leave out --dialect builtin";
}

/* "name" or "name(k=v, ...)". */
static bool ReadCall(const std::string &text, Call &call, std::string &why)
{
    const std::string all = Trimmed(text);
    if (IsExpression(all)) {
        why = SayExpression(all);
        return false;
    }
    const size_t open = all.find('(');
    call.name = Trimmed(all.substr(0, open));
    if (open == std::string::npos)
        return true;
    if (all.back() != ')') {
        why = "the arguments of '" + call.name + "' are not closed with ')'";
        return false;
    }
    const std::string inside = Trimmed(all.substr(open + 1, all.size() - open - 2));
    for (size_t begin = 0; begin < inside.size();) {
        const size_t end = std::min(inside.find(',', begin), inside.size());
        const std::string one = inside.substr(begin, end - begin);
        const size_t equal = one.find('=');
        const bool isNamed = equal != std::string::npos;
        call.arguments.emplace_back(isNamed ? Trimmed(one.substr(0, equal)) : "",
                                    Trimmed(isNamed ? one.substr(equal + 1) : one));
        begin = end + 1;
    }
    return true;
}

static const Function *FindFunction(const std::string &name, std::string &why)
{
    std::vector<std::string> known;
    for (const Function &function : Functions()) {
        if (function.name == name)
            return &function;
        known.push_back(function.name);
    }
    const std::string nearest = NearestName(name, known);
    std::string all;
    for (const std::string &one : BuiltinFunctions())
        all += (all.empty() ? "" : ", ") + one;
    why = "'" + name + "' is no function of the dialect builtin" +
          (nearest.empty() ? "; there are " + all + "." : ", is '" + nearest + "' meant?") +
          " An expression goes without --dialect builtin";
    return nullptr;
}

static bool ReadNumber(const std::string &text, double &number)
{
    char *end = nullptr;
    number = CPLStrtod(text.c_str(), &end);
    return !text.empty() && end && *end == '\0';
}

/* The number, as expressions have it. */
static std::string Written(double number)
{
    if (std::isnan(number))
        return "nan";
    if (std::isinf(number))
        return number < 0 ? "(-inf)" : "inf";
    return CPLSPrintf(number < 0 ? "(%.17g)" : "%.17g", number);
}

namespace
{
using Parameters = std::map<std::string, std::string>; /* by name, as expressions have them */
}

static bool ReadFlag(const std::string &text, bool &yes)
{
    static const char *const words[] = {"YES", "TRUE", "ON", "1", "NO", "FALSE", "OFF", "0"};
    const auto *const found = std::find_if(std::begin(words), std::end(words),
                                           [&text](const char *word) { return EQUAL(word, text.c_str()); });
    yes = found < std::begin(words) + 4;
    return found != std::end(words);
}

/* What is wrong with an argument that has a value alone. */
static std::string WhyUnnamed(const Function &function, const std::string &value, const BuiltinInputs &inputs)
{
    double number = 0;
    const bool takesNone = function.parameters.empty();
    const std::string first = takesNone ? "" : function.parameters[0].name, name = function.name;
    const bool isInput = std::find(inputs.names.begin(), inputs.names.end(), value) != inputs.names.end();
    if (takesNone || isInput)
        return (takesNone ? "it takes no argument" : "'" + value + "' is an input") +
               ", and inputs are not named here: leave out the input, as in " + name +
               (takesNone || function.parameters[0].preset ? "" : "(" + first + "=...)");
    return "'" + value + "' has no name, as in " + name + "(" + first + "=" +
           (ReadNumber(value, number) ? value : "...") + ")";
}

static bool ReadParameters(const Function &function, const Call &call, const BuiltinInputs &inputs, Parameters &read,
                           bool &propagates, std::string &why)
{
    const std::string about = std::string("'") + function.name + "': ";
    std::vector<std::string> known;
    for (const Parameter &parameter : function.parameters) {
        known.push_back(parameter.name);
        if (parameter.preset)
            read[parameter.name] = parameter.preset;
    }
    if (function.values == 0)
        known.push_back(kPropagate);
    for (const auto &[name, value] : call.arguments) {
        double number = 0;
        if (name.empty()) {
            why = about + WhyUnnamed(function, value, inputs);
            return false;
        }
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            std::string all;
            for (const std::string &one : known)
                all += (all.empty() ? "" : ", ") + one;
            why = about + "there is no argument '" + name + "'; " + (all.empty() ? "it takes none" : "it takes " + all);
            return false;
        }
        if (name == kPropagate ? !ReadFlag(value, propagates) : !ReadNumber(value, number)) {
            why = about + name + "=" + value + (name == kPropagate ? ": expected YES or NO" : ": expected a number");
            return false;
        }
        if (name == "q" && !(number >= 0 && number <= 1)) {
            why = about + name + "=" + value + ": expected a number from 0 to 1";
            return false;
        }
        if (name != kPropagate)
            read[name] = (read.count(name) && read[name].empty() ? ", " : "") + Written(number);
    }
    for (const Parameter &parameter : function.parameters)
        if (read.find(parameter.name) == read.end()) {
            why = about + "the argument '" + parameter.name + "' is missing, as in " + function.name + "(" +
                  parameter.name + "=...)";
            return false;
        }
    return true;
}

/* ---- writing ---- */

static void Replace(std::string &text, const std::string &what, const std::string &by)
{
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

static bool FillValues(const Function &function, const BuiltinInputs &inputs, std::string &text, std::string &why)
{
    static const char *const places[] = {"{A}", "{B}"};
    std::vector<std::string> values;
    if (!inputs.values(values, why)) {
        why = std::string("'") + function.name + "': " + why;
        return false;
    }
    if (values.size() != static_cast<size_t>(function.values)) {
        why = std::string("'") + function.name + "' is a function of " +
              (function.values == 1 ? "one value" : "two values") + ", and the inputs give " +
              std::to_string(values.size());
        return false;
    }
    for (size_t i = 0; i < values.size(); i++)
        Replace(text, places[i], values[i]);
    return true;
}

std::string TranslateBuiltin(const std::string &text, const BuiltinInputs &inputs, std::string &why)
{
    Call call;
    const Function *function = ReadCall(text, call, why) ? FindFunction(call.name, why) : nullptr;
    if (std::find(inputs.names.begin(), inputs.names.end(), call.name) != inputs.names.end())
        why = SayExpression(call.name);
    if (!function)
        return {};
    if (function->refused) {
        why = "'" + call.name + "': " + function->refused;
        return {};
    }
    Parameters parameters;
    bool propagates = false;
    if (!ReadParameters(*function, call, inputs, parameters, propagates, why))
        return {};
    std::string expression = function->expression, list;
    for (const auto &[name, value] : parameters)
        Replace(expression, "{" + name + "}", value);
    for (const std::string &name : inputs.names)
        list += (list.empty() ? "" : ", ") + name;
    if (function->values > 0 && !FillValues(*function, inputs, expression, why))
        return {};
    Replace(expression, "{S}", list);
    return propagates ? "where(count(" + list + ") == len([" + list + "]), " + expression + ", nan)" : expression;
}

} // namespace fishnet::commands
