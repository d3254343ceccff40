/* Where an area of one CRS lies in another: its extent there, to a part of a cell, whatever bends on the way. */
#ifndef FN_FISHNET_CRS_EXTENT_H
#define FN_FISHNET_CRS_EXTENT_H

#include <memory>
#include <string>
#include <vector>

#include <ogr_srs_api.h>

#include "handles.h"

namespace fishnet
{

struct Extent {
    double xmin = 0, ymin = 0, xmax = 0, ymax = 0;

    double Width() const { return xmax - xmin; }
    double Height() const { return ymax - ymin; }
};

/* The part that two have in common, which may be empty: a width or a height that is not above 0. */
Extent Common(const Extent &a, const Extent &b);
/* The smallest that has both. */
Extent Union(const Extent &a, const Extent &b);
bool IsEmpty(const Extent &extent);
/* The same, farther in the direction of x. */
Extent Turned(const Extent &extent, double by);
/* "7.5,45,8.5,46" */
std::string Describe(const Extent &extent);

/* A parallelogram: corner + s * across + t * down, where s and t go from 0 to 1. */
struct Area {
    double corner[2], across[2], down[2];

    static Area Of(const Extent &extent);
    /* That of a raster. */
    static Area Of(const double *geotransform, double width, double height);
    /* In its own CRS. */
    Extent Bounds() const;
    bool operator==(const Area &other) const;
};

/* Are they the same, however their axes are ordered? Both may be NULL. */
bool IsSameCRS(OGRSpatialReferenceH a, OGRSpatialReferenceH b);

/* What an area is in another CRS: no point of it has a place there; it goes on without end, as the world does in
 * Mercator's projection: then the extent is that of a part; or all of it is in the extent. */
enum class Reach { Nowhere, Endless, Bounded };

/* From one CRS to another, x or longitude first in both; heights count in none. */
class CRSTransformation
{
  public:
    /* NULL: there is none, and *cause says why. */
    static std::unique_ptr<CRSTransformation> New(OGRSpatialReferenceH from, OGRSpatialReferenceH to,
                                                  std::string *cause);
    CRSTransformation(const CRSTransformation &) = delete;
    CRSTransformation &operator=(const CRSTransformation &) = delete;

    /* Those that have no place there become NaN. Silent. */
    void Transform(std::vector<double> &x, std::vector<double> &y) const;
    /* Poles that it contains, and longitudes of 180, are seen to: then its extent is the whole circle, or goes on
     * beyond 180. Its middle is from -180 to 180. */
    Reach ExtentOf(const Area &area, Extent &extent) const;
    /* How long the two sides of the parallelogram are there, which is small; NaN, where it has no place. */
    void SidesOf(const Area &area, double *across, double *down) const;
    /* What x is after a whole circle: 360, where it is a longitude in degrees; 0: it is none. */
    double Turn() const { return m_turn; }

  private:
    struct Destroy {
        void operator()(void *transformation) const
        {
            OCTDestroyCoordinateTransformation(static_cast<OGRCoordinateTransformationH>(transformation));
        }
    };
    using Handle = std::unique_ptr<std::remove_pointer_t<OGRCoordinateTransformationH>, Destroy>;
    CRSTransformation() = default;
    bool Contains(const Area &area, double longitude, double latitude) const;

    Handle m_forward, m_back;
    double m_turn = 0;
};

} // namespace fishnet

#endif
