/* The words of a command line that GDAL would understand in another way, or not at all. */
#include "commands.h"

#ifdef FN_HAS_COMMANDS

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>

namespace fishnet::commands
{

/* Arguments of so many numbers. isAlways: there is no other value that they may have. */
static constexpr struct {
    const char *argument;
    std::ptrdiff_t count;
    bool isAlways;
} kNumbers[] = {{"--projwin", 4, true},
                {"--extent", 4, false},
                {"--bbox", 4, false},
                {"--cell-size", 2, false},
                {"--resolution", 2, false}};

/* "--projwin 1 2 3 4", which are five words, as one: GDAL takes lists with commas between only. */
static std::vector<std::string> JoinNumbers(const std::vector<std::string> &words)
{
    const auto isNumber = [](const std::string &word) { return CPLGetValueType(word.c_str()) != CPL_VALUE_STRING; };
    std::vector<std::string> joined;
    for (auto word = words.begin(); word != words.end(); ++word) {
        const auto *const row =
            std::find_if(std::begin(kNumbers), std::end(kNumbers), [&](const auto &r) { return *word == r.argument; });
        joined.push_back(*word);
        if (row == std::end(kNumbers) || words.end() - word <= row->count ||
            (row->isAlways ? word[1].find(',') != std::string::npos
                           : !std::all_of(word + 1, word + 1 + row->count, isNumber)))
            continue;
        for (std::ptrdiff_t k = 0; k < row->count; k++)
            joined.back() += (k == 0 ? "=" : ",") + *++word;
    }
    return joined;
}

/* GDAL understands `IN NEAR... OUT` and `-i IN --near NEAR -o OUT`, but not all of what lies between: where one of
 * them has its name before it, all get theirs. As they are, where GDAL has to say what is wrong. */
std::vector<std::string> Command::NamePositions(const std::vector<std::string> &words)
{
    std::vector<std::string> named, places;
    std::set<std::string> given;
    for (size_t i = 0; i < words.size(); i++) {
        if (words[i].size() < 2 || words[i][0] != '-') {
            places.push_back(words[i]);
            continue;
        }
        const GDALAlgorithmArg *arg = GetArg(words[i].substr(0, words[i].find('=')), false);
        if (!arg)
            return words;
        given.insert(arg->GetName());
        named.push_back(words[i]);
        if (arg->GetType() != GAAT_BOOLEAN && words[i].find('=') == std::string::npos && i + 1 < words.size())
            named.push_back(words[++i]);
    }
    std::vector<const GDALAlgorithmArg *> open;
    bool isNamed = false, hasList = false;
    for (const auto &arg : GetArgs()) {
        const bool isGiven = given.count(arg->GetName()) > 0;
        isNamed = isNamed || (arg->IsPositional() && isGiven);
        if (!arg->IsPositional() || isGiven)
            continue;
        open.push_back(arg.get());
        hasList = hasList || GDALAlgorithmArgTypeIsList(arg->GetType());
    }
    if (!isNamed || places.size() < open.size() || (places.size() > open.size() && !hasList))
        return words;
    auto place = places.begin();
    for (const GDALAlgorithmArg *arg : open) /* one of them at most is a list */
        for (size_t n = GDALAlgorithmArgTypeIsList(arg->GetType()) ? places.size() - open.size() + 1 : 1; n > 0; n--)
            named.push_back("--" + arg->GetName() + "=" + *place++);
    return named;
}

bool Command::ParseCommandLineArguments(const std::vector<std::string> &words)
{
    return GDALAlgorithm::ParseCommandLineArguments(NamePositions(JoinNumbers(words)));
}

} // namespace fishnet::commands
#endif
