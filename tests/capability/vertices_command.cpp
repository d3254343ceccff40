/* gdal fishnet vertices */
#include "table_command.h"

#ifdef FN_HAS_COMMANDS

#include "capability.h"
#include "vertices.h"

namespace fishnet::commands
{

namespace
{
class Vertices final : public TableCommand
{
  public:
    Vertices() : TableCommand("vertices", "List the vertices of features, in parallel.", vertices::kVertexTable)
    {
        AddTableArguments();
        AddOption(m_options, "every", "EVERY");
    }
};
} // namespace

static Capability capability(nullptr, [] { DeclareCommand("vertices", MakeCommand<Vertices>); });

} // namespace fishnet::commands
#endif
