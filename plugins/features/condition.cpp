#include "condition.h"

#include "find_fields.h"

namespace fishnet
{

/* What SQLite says of a statement, which GDAL repeats before or behind it. */
static std::string WithoutStatement(const std::string &text, const std::string &sql)
{
    static const std::string kCall = "sqlite3_prepare_v2(";
    const size_t call = text.find(kCall);
    size_t begin = call + kCall.size();
    if (call == std::string::npos)
        return text;
    if (text.compare(begin, sql.size(), sql) == 0)
        begin += sql.size();
    begin = text.find_first_not_of("): \n", begin);
    return begin == std::string::npos ? text : text.substr(begin, text.find('\n', begin) - begin);
}

/* What stands between two texts; empty: it does not. */
static std::string Between(const std::string &text, const std::string &before, const std::string &behind)
{
    const size_t begin = text.find(before), first = begin + before.size();
    const size_t end = begin == std::string::npos ? begin : behind.empty() ? text.size() : text.find(behind, first);
    return end == std::string::npos ? std::string() : text.substr(first, end - first);
}

/* The same in our words, as far as we know those of SQLite and OGR. */
static std::string InOurWords(const std::string &text, OGRFeatureDefnH defn)
{
    std::string field = Between(text, "no such column: ", "");
    if (field.empty())
        field = Between(text, "\"", "\" not recognised as an available field");
    if (!field.empty())
        return "there is no field " + field + MeantField({defn}, field);
    if (text == "near \")\": syntax error" || text == "near \"LIMIT\": syntax error" || text == "incomplete input")
        return "it ends too early, or has a parenthesis too many or too few";
    return text;
}

bool CheckCondition(GDALDatasetH dataset, OGRLayerH handle, const LayerPlan &layer, std::string &cause)
{
    MessageCollector collector;
    std::string text;
    bool valid = OGR_L_SetAttributeFilter(handle, layer.where.c_str()) == OGRERR_NONE;
    OGR_L_SetAttributeFilter(handle, nullptr);
    if (valid && (EQUAL(layer.driver.c_str(), "GPKG") || EQUAL(layer.driver.c_str(), "SQLite"))) {
        /* These find out when the first feature is read. */
        const std::string sql = "SELECT 1 FROM " + Quoted(layer.layer, '"') + " WHERE (" + layer.where + ") LIMIT 0";
        OGRLayerH result = GDALDatasetExecuteSQL(dataset, sql.c_str(), nullptr, nullptr);
        if (result)
            GDALDatasetReleaseResultSet(dataset, result);
        text = WithoutStatement(collector.Cause(""), sql);
        valid = text.empty() || text.find("no such table") != std::string::npos;
    } else
        text = collector.Cause("not a valid condition");
    cause = InOurWords(text, OGR_L_GetLayerDefn(handle));
    return valid;
}

} // namespace fishnet
