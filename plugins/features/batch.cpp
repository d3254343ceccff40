#include "batch.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace fishnet
{

/* ---- unusable features ---- */

void Unusable::Count(fn_usable verdict)
{
    switch (verdict) {
    case FN_USABLE:
        break;
    case FN_UNUSABLE_EMPTY:
        empty++;
        break;
    case FN_UNUSABLE_NOT_FINITE:
        notFinite++;
        break;
    case FN_UNUSABLE_LATITUDE:
        latitude++;
        break;
    case FN_UNUSABLE_WKB:
        malformed++;
        break;
    }
}

void Unusable::Add(const Unusable &other)
{
    empty += other.empty;
    notFinite += other.notFinite;
    latitude += other.latitude;
    malformed += other.malformed;
    untransformed += other.untransformed;
}

std::string Unusable::Describe() const
{
    const std::pair<int64_t, const char *> counts[] = {{empty, "null or empty"},
                                                       {notFinite, "with a coordinate that is not finite"},
                                                       {latitude, "with a latitude beyond 90 degrees"},
                                                       {malformed, "of a kind that is not supported"},
                                                       {untransformed, "that cannot be transformed"}};
    std::string text;
    for (const auto &count : counts)
        if (count.first > 0)
            text += (text.empty() ? "" : ", ") + std::to_string(count.first) + " " + count.second;
    return text;
}

/* ---- batches ---- */

void Batch::Clear()
{
    fids.clear();
    shapes.clear();
    xy.clear();
    wkbEnd.clear();
    wkb.clear();
    groups.clear();
    recordEnd.clear();
    records.clear();
    unusable = Unusable();
    turn = 0;
}

void Batch::Truncate(size_t n) noexcept
{
    const auto cut = [](auto &values, size_t size) { values.resize(std::min(values.size(), size)); };
    cut(wkb, n ? wkbEnd[n - 1] : 0);
    cut(records, n ? recordEnd[n - 1] : 0);
    cut(fids, n);
    cut(shapes, n);
    cut(xy, 2 * n);
    cut(wkbEnd, n);
    cut(groups, n);
    cut(recordEnd, n);
}

void Batch::Sort()
{
    if (std::is_sorted(fids.begin(), fids.end()))
        return;
    std::vector<size_t> order(Count());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) { return fids[a] < fids[b]; });
    Batch sorted;
    for (size_t i : order) {
        sorted.fids.push_back(fids[i]);
        sorted.shapes.push_back(shapes[i]);
        sorted.xy.insert(sorted.xy.end(), {xy[2 * i], xy[2 * i + 1]});
        sorted.wkb.insert(sorted.wkb.end(), Wkb(i), Wkb(i) + WkbBytes(i));
        sorted.wkbEnd.push_back(sorted.wkb.size());
        if (!groups.empty())
            sorted.groups.push_back(groups[i]);
        sorted.records.insert(sorted.records.end(), Record(i), Record(i) + RecordBytes(i));
        sorted.recordEnd.push_back(sorted.records.size());
    }
    sorted.unusable = unusable;
    *this = std::move(sorted);
}

/* ---- reading ---- */

bool ReadFeature(OGRLayerH layer, MessageCollector &collector, FeatureHandle *feature, std::string &cause, int64_t fid)
{
    const size_t before = collector.messages.size(), failures = collector.Failures();
    feature->reset(fid == OGRNullFID ? OGR_L_GetNextFeature(layer) : OGR_L_GetFeature(layer, fid));
    if (collector.Failures() == failures)
        return true;
    cause = "out of memory";
    for (size_t i = collector.messages.size(); i-- > before;)
        if (collector.messages[i].level >= CE_Failure)
            cause = collector.messages[i].text;
    return false;
}

bool Extractor::Init(const InputPlan &plan, const LayerPlan &layer, const std::vector<CarriedField> &fields,
                     GroupOf groupOf, std::string &cause)
{
    m_plan = &plan;
    m_layer = &layer;
    m_fields = &fields;
    m_groupOf = std::move(groupOf);
    if (layer.transform)
        m_transformation = plan.NewTransformation(layer, cause);
    return !layer.transform || m_transformation;
}

void Extractor::Prepare(OGRLayerH layer) const
{
    /* A field that the condition needs must be read, and which ones these are only the driver knows. */
    if (!m_layer->where.empty() || !OGR_L_TestCapability(layer, OLCIgnoreFields))
        return;
    /* These make geometries of fields, and then of ignored fields none. */
    if (EQUAL(m_layer->driver.c_str(), "OGR_VRT"))
        return;
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(layer);
    const auto nameOf = [defn](int i) { return OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i)); };
    /* GDAL takes upper and lower case of these names for the same. */
    const auto isWanted = [&](const char *name) {
        const auto is = [&](int wanted) { return wanted >= 0 && EQUAL(nameOf(wanted), name); };
        return (!m_fields->empty() && std::any_of(m_layer->fields.begin(), m_layer->fields.end(), is)) ||
               std::any_of(m_layer->match.begin(), m_layer->match.end(), is);
    };
    std::vector<const char *> ignored = {"OGR_STYLE"};
    for (int i = 0; i < OGR_FD_GetFieldCount(defn); i++)
        if (!isWanted(nameOf(i)))
            ignored.push_back(nameOf(i));
    const auto geometryOf = [defn](int i) { return OGR_GFld_GetNameRef(OGR_FD_GetGeomFieldDefn(defn, i)); };
    const char *taken = geometryOf(m_layer->geometryField);
    for (int i = 0; i < OGR_FD_GetGeomFieldCount(defn); i++)
        if (i != m_layer->geometryField && !EQUAL(geometryOf(i), taken) &&
            OGR_FD_GetFieldIndex(defn, geometryOf(i)) < 0)
            ignored.push_back(i == 0 ? "OGR_GEOMETRY" : geometryOf(i));
    ignored.push_back(nullptr);
    OGR_L_SetIgnoredFields(layer, ignored.data());
}

/* ---- groups ---- */

template <class T> static void PutKey(std::string &key, char kind, T value)
{
    key += kind;
    key.append(reinterpret_cast<const char *>(&value), sizeof value);
}

/* Equal numbers have equal keys: whole ones of any type, and the others. NaN equals nothing. */
static bool NumberKey(OGRFeatureH feature, int i, std::string &key)
{
    if (OGR_Fld_GetType(OGR_F_GetFieldDefnRef(feature, i)) != OFTReal) {
        PutKey(key, 'i', static_cast<int64_t>(OGR_F_GetFieldAsInteger64(feature, i)));
        return true;
    }
    constexpr double kBeyond = 9223372036854775808.0; /* 2^63 */
    const double value = OGR_F_GetFieldAsDouble(feature, i);
    if (std::isnan(value))
        return false;
    if (value >= -kBeyond && value < kBeyond && std::trunc(value) == value)
        PutKey(key, 'i', static_cast<int64_t>(value));
    else
        PutKey(key, 'r', value);
    return true;
}

uint32_t Extractor::Group(OGRFeatureH feature)
{
    m_key.clear();
    for (size_t k = 0; k < m_layer->match.size(); k++) {
        const int i = m_layer->match[k];
        if (!OGR_F_IsFieldSetAndNotNull(feature, i))
            return FN_NO_GROUP;
        if (m_plan->matchNumbers[k]) {
            if (!NumberKey(feature, i, m_key))
                return FN_NO_GROUP;
            continue;
        }
        const char *text = OGR_F_GetFieldAsString(feature, i);
        PutKey(m_key, 't', strlen(text));
        m_key += text;
    }
    return m_groupOf(m_key);
}

/* ---- geometries ---- */

bool Extractor::Transform(double &x, double &y)
{
    int ok = TRUE;
    if (m_transformation) /* each point for itself: how it is transformed may depend on where it is */
        ok = OCTTransformEx(m_transformation.get(), 1, &x, &y, nullptr, &ok) && ok;
    x *= m_plan->toDegrees;
    y *= m_plan->toDegrees;
    return ok != 0;
}

/* Coordinates to degrees, vertex by vertex. */
static void Scale(OGRGeometryH geometry, double factor)
{
    for (int i = 0; i < OGR_G_GetGeometryCount(geometry); i++)
        Scale(OGR_G_GetGeometryRef(geometry, i), factor);
    if (OGR_G_GetGeometryCount(geometry) == 0)
        for (int i = 0; i < OGR_G_GetPointCount(geometry); i++)
            OGR_G_SetPoint_2D(geometry, i, OGR_G_GetX(geometry, i) * factor, OGR_G_GetY(geometry, i) * factor);
}

/* Bent parts straightened, coordinates in the plan's CRS. Returns why there is no WKB, or NULL. */
Extractor::Reason Extractor::AppendWkb(OGRGeometryH geometry, Batch &batch)
{
    GeometryHandle own;
    const bool curved = OGR_G_HasCurveGeometry(geometry, FALSE); /* of that type, even if no part is bent */
    if (curved || m_transformation || m_plan->toDegrees != 1) {
        own.reset(curved ? OGR_G_GetLinearGeometry(geometry, 0, nullptr) : OGR_G_Clone(geometry));
        geometry = own.get();
        if (!geometry)
            return &Unusable::malformed;
    }
    if (m_transformation) { /* what is not finite is found by the core, and not handed to PROJ */
        OGREnvelope box;
        OGR_G_GetEnvelope(geometry, &box);
        if (std::isfinite(box.MinX + box.MaxX + box.MinY + box.MaxY) &&
            OGR_G_Transform(geometry, m_transformation.get()) != OGRERR_NONE)
            return &Unusable::untransformed;
    }
    if (m_plan->toDegrees != 1)
        Scale(geometry, m_plan->toDegrees);
    const size_t begin = batch.wkb.size();
    batch.wkb.resize(begin + OGR_G_WkbSizeEx(geometry));
    auto *bytes = reinterpret_cast<unsigned char *>(batch.wkb.data() + begin);
    if (OGR_G_ExportToIsoWkb(geometry, wkbNDR, bytes) == OGRERR_NONE)
        return nullptr;
    batch.wkb.resize(begin);
    return &Unusable::malformed;
}

/* Returns why it is Shape::Nothing, or NULL. */
Extractor::Reason Extractor::AppendGeometry(OGRGeometryH geometry, Batch &batch)
{
    constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
    double x = kNaN, y = kNaN;
    Batch::Shape shape = Batch::Shape::Nothing;
    Reason reason = nullptr;
    if (!geometry || OGR_G_IsEmpty(geometry))
        reason = &Unusable::empty;
    else if (wkbFlatten(OGR_G_GetGeometryType(geometry)) == wkbPoint) {
        x = OGR_G_GetX(geometry, 0);
        y = OGR_G_GetY(geometry, 0);
        const bool finite = std::isfinite(x) && std::isfinite(y);
        if (finite && (m_transformation || m_plan->toDegrees != 1) &&
            (!Transform(x, y) || !std::isfinite(x) || !std::isfinite(y))) {
            x = y = kNaN;
            reason = &Unusable::untransformed;
        } else
            shape = Batch::Shape::Point;
    } else {
        reason = AppendWkb(geometry, batch);
        shape = reason ? Batch::Shape::Nothing : Batch::Shape::Wkb;
    }
    batch.shapes.push_back(shape);
    batch.xy.push_back(x);
    batch.xy.push_back(y);
    batch.wkbEnd.push_back(batch.wkb.size());
    return reason;
}

/* GDAL may say so, and go on with less than there is. */
static void ThrowIfOutOfMemory(const MessageCollector &collector, size_t before)
{
    bool out = collector.HasLost();
    for (size_t i = before; i < collector.messages.size(); i++)
        out = out || (collector.messages[i].level >= CE_Failure && collector.messages[i].number == CPLE_OutOfMemory);
    if (out)
        throw std::bad_alloc();
}

void Extractor::Append(OGRFeatureH feature, int64_t fid, Batch &batch, MessageCollector &collector)
{
    const size_t count = batch.Count(), before = collector.messages.size();
    Reason reason = nullptr;
    try {
        const int64_t own = OGR_F_GetFID(feature);
        batch.fids.push_back(own == OGRNullFID ? fid : own);
        if (m_plan->HasGroups())
            batch.groups.push_back(Group(feature));
        if (!m_fields->empty())
            AppendRecord(feature, m_layer->fields, *m_fields, batch.records);
        batch.recordEnd.push_back(batch.records.size());
        reason = AppendGeometry(OGR_F_GetGeomFieldRef(feature, m_layer->geometryField), batch);
        ThrowIfOutOfMemory(collector, before);
    } catch (...) {
        batch.Truncate(count);
        throw;
    }
    if (reason)
        ++(batch.unusable.*reason);
    collector.messages.erase(collector.messages.begin() + static_cast<std::ptrdiff_t>(before),
                             collector.messages.end());
}

/* ---- rows of Arrow ---- */

bool Extractor::TakesRows(OGRLayerH layer) const
{
    return m_fields->empty() && !m_plan->HasGroups() && !m_transformation && m_plan->toDegrees == 1 &&
           m_layer->where.empty() && !OGR_L_GetSpatialFilter(layer);
}

namespace
{
/* The first bytes of WKB in this machine's order. */
struct WkbHead {
    static constexpr size_t kBytes = 5;
    bool known = false;
    uint32_t type = 0; /* without what it says of Z and M */

    explicit WkbHead(const ArrowRow &row)
    {
        uint32_t raw = 0;
        if (row.bytes < kBytes || row.wkb[0] != (CPL_IS_LSB ? wkbNDR : wkbXDR))
            return;
        memcpy(&raw, row.wkb + 1, sizeof raw);
        type = static_cast<uint32_t>(wkbFlatten(raw));
        known = true;
    }
};
} // namespace

/* As AppendGeometry(). */
bool Extractor::AppendRowGeometry(const ArrowRow &row, Batch &batch, Reason &reason)
{
    double xy[2] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
    const WkbHead head(row);
    Batch::Shape shape = Batch::Shape::Nothing;
    if (!row.wkb)
        reason = &Unusable::empty;
    else if (head.known && head.type == wkbPoint && row.bytes >= WkbHead::kBytes + sizeof xy) {
        memcpy(xy, row.wkb + WkbHead::kBytes, sizeof xy);
        if (std::isnan(xy[0]) && std::isnan(xy[1])) /* so an empty point is written */
            reason = &Unusable::empty;
        else
            shape = Batch::Shape::Point;
    } else if (head.known && head.type >= wkbLineString && head.type <= wkbMultiPolygon) {
        const fn_usable usable = fn_wkb_usable(row.wkb, row.bytes, false);
        if (usable == FN_UNUSABLE_WKB)
            return false;
        if (usable == FN_UNUSABLE_EMPTY)
            reason = &Unusable::empty;
        else {
            batch.wkb.insert(batch.wkb.end(), row.wkb, row.wkb + row.bytes);
            shape = Batch::Shape::Wkb;
        }
    } else { /* it may have to be straightened */
        OGRGeometryH made = nullptr;
        const bool good = OGR_G_CreateFromWkbEx(row.wkb, nullptr, &made, row.bytes) == OGRERR_NONE;
        const GeometryHandle owner(made);
        if (good)
            reason = AppendGeometry(made, batch);
        return good;
    }
    batch.shapes.push_back(shape);
    batch.xy.insert(batch.xy.end(), xy, xy + 2);
    batch.wkbEnd.push_back(batch.wkb.size());
    return true;
}

bool Extractor::Append(const ArrowRow &row, Batch &batch)
{
    const size_t count = batch.Count();
    Reason reason = nullptr;
    bool good = false;
    try {
        batch.fids.push_back(row.fid);
        batch.recordEnd.push_back(batch.records.size());
        good = AppendRowGeometry(row, batch, reason);
    } catch (...) {
        batch.Truncate(count);
        throw;
    }
    if (good && reason)
        ++(batch.unusable.*reason);
    return good;
}

} // namespace fishnet
