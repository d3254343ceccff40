/* The dialect `builtin` of calc: functions such as sum(k=1) that are applied to all inputs, as expressions. */
#ifndef FN_BUILTIN_DIALECT_H
#define FN_BUILTIN_DIALECT_H

#include <functional>
#include <string>
#include <vector>

namespace fishnet::commands
{

/* What a function is applied to. */
struct BuiltinInputs {
    std::vector<std::string> names; /* of the inputs, in their order */
    /* The expression of each value, of functions of one or two values. False: why there are none. */
    std::function<bool(std::vector<std::string> &values, std::string &why)> values;
};

/* The expression that gives what GDAL's function gives. Empty: why not. */
std::string TranslateBuiltin(const std::string &text, const BuiltinInputs &inputs, std::string &why);

/* The names of all functions. */
std::vector<std::string> BuiltinFunctions();

} // namespace fishnet::commands

#endif
