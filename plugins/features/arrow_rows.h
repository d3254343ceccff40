/* The features of a layer as Arrow arrays have them, FIDs and WKB, many at a time: of a driver that makes these itself
 * much quicker than features.
 *
 * Those of a GeoPackage are asked for by SQL. The layer's own arrays are filled by a thread of the driver, which writes
 * on in what has been handed over (until GDAL 3.11.4: lost rows, rows twice, crashes), and in what is being given back
 * where a reader stops before the end. */
#ifndef FN_ARROW_ROWS_H
#define FN_ARROW_ROWS_H

#include <cstdint>
#include <deque>
#include <string>

#include <ogr_api.h>
#include <ogr_recordbatch.h>

#include "layer_plan.h"

namespace fishnet
{

struct ArrowRow {
    int64_t fid;
    const unsigned char *wkb; /* NULL: none */
    size_t bytes;
};

/* Both ends are in it. */
struct FidRange {
    int64_t first = INT64_MIN, last = INT64_MAX;
    bool IsAll() const { return first == INT64_MIN && last == INT64_MAX; }
    /* As SQL has it. */
    std::string Condition(const std::string &fidColumn) const;
};

/* Belongs to one thread at a time. */
class ArrowRows
{
  public:
    ArrowRows() = default;
    ~ArrowRows() { Close(); }
    ArrowRows(const ArrowRows &) = delete;
    ArrowRows &operator=(const ArrowRows &) = delete;

    /* Whether the driver makes them itself, with the coordinates that features have. */
    static bool AreMade(OGRLayerH layer);
    /* Begins with the first feature, and with the fields that are not ignored. Of a GeoPackage it is all of the table
     * in that range of FIDs, whatever the layer's filters; of others what these let through, and the range is all. The
     * dataset is the layer's. False: they are not as they should be, or not FIDs and one geometry alone. */
    bool Open(const LayerPlan &plan, GDALDatasetH dataset, OGRLayerH layer, const FidRange &range = {});
    bool IsOpen() const { return m_stream.release != nullptr; }
    /* Afterwards the layer can be read in another way, from the first feature on. */
    void Close();

    /* Reads on until there are n rows to be taken, or all that are left. False: it has failed. */
    bool Fetch(int64_t n);
    int64_t Ready() const { return m_ready; }
    /* The next; there must be one. It lasts until the next call. */
    ArrowRow Take();

  private:
    OGRLayerH Ask(const LayerPlan &plan, GDALDatasetH dataset, OGRLayerH layer, const FidRange &range);
    bool IsAsExpected(const LayerPlan &plan, OGRLayerH layer);
    bool Keep(ArrowArray &array);

    GDALDatasetH m_dataset = nullptr;
    OGRLayerH m_result = nullptr; /* of SQL */
    ArrowArrayStream m_stream = {};
    bool m_large = false; /* offsets are of 64 bits */
    std::deque<ArrowArray> m_arrays;
    int64_t m_at = 0; /* in the first of them */
    int64_t m_ready = 0;
    bool m_atEnd = false;
};

} // namespace fishnet

#endif
