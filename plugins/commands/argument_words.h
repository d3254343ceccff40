/* Messages of the drivers in the words of a command: "--cell-size=0" for "CELL_SIZE=0". */
#ifndef FN_ARGUMENT_WORDS_H
#define FN_ARGUMENT_WORDS_H

#include <functional>
#include <string>
#include <utility>

namespace fishnet::commands
{

struct Argument {
    std::string name; /* "cell-size"; empty: the command has none for it */
    bool isFlag = false;
    bool denies = false; /* "no-check-crs": the option's NO */
};
/* Of an option of a driver. */
using ArgumentOf = std::function<Argument(const std::string &option)>;

/* What a driver says, with NAME=VALUE as the argument, where that is the text of an option of its own. */
std::string InArguments(const std::string &text, const ArgumentOf &argumentOf);

/* As long as it lives, all messages of this thread are told so. */
class TellInArguments
{
  public:
    explicit TellInArguments(ArgumentOf argumentOf);
    ~TellInArguments();
    TellInArguments(const TellInArguments &) = delete;
    TellInArguments &operator=(const TellInArguments &) = delete;

  private:
    const ArgumentOf m_argumentOf;
};

} // namespace fishnet::commands

#endif
