/* Terrain: what a surface does around a cell, from the 3 x 3 cells there (tpi, tri and roughness: size x size).
 *
 * A plane of doubles, NaN where there is no value, gives another. All is computed in double. What a cell becomes
 * depends on the values of its window and on its absolute position alone: the same bits however a raster is cut into
 * calls, whatever instructions the machine has (FISHNET_SIMD lowers them).
 *
 *     fn_terrain_options options = fn_terrain_defaults(FN_SLOPE);
 *     fn_terrain terrain;
 *     fn_terrain_init(&terrain, &options, &georeference, &err);
 *     void *scratch = malloc(fn_terrain_scratch_bytes(&terrain));
 *     // in: 502 x 502 cells, whose first is (99, 199) of the raster
 *     fn_terrain_run(&terrain, in + 502 + 1, 502, 100, 200, 500, 500, out, 500, scratch);
 *
 * Derivatives. z is the value, times the z factor. With the cells of the window
 *
 *     a b c
 *     d e f
 *     g h i
 *
 * a step of one column changes z by ((c + 2f + i) - (a + 2d + g)) / 8, HORN, or (f - d) / 2, ZEVENBERGEN_THORNE; a step
 * down by one row likewise (B. K. P. Horn, Hill shading and the reflectance map, Proc. IEEE 69, 1981; L. W. Zevenbergen
 * and C. R. Thorne, Quantitative analysis of land surface topography, Earth Surf. Process. Landforms 12, 1987). The
 * steps of the georeference, all four, make p = dz/deast and q = dz/dnorth of these: right for any cells, whichever way
 * rows run, and on longitude and latitude.
 *
 * Missing cells (FN_EDGE_FIT; holes, and all that lies outside of the raster): no value in the centre gives none. Else
 * the plane is fitted by least squares, with weights 1 2 1 / 2 4 2 / 1 2 1, to the cells that have a value. Horn's
 * derivatives are this same fit where none is missing, so that nothing jumps, and a plane has its own slope and aspect
 * everywhere. On longitude and latitude, too: parallels bend, which a whole window does not notice, and which a part of
 * one is corrected for. Three cells that are not on a line are needed, or the result is NaN. ZEVENBERGEN_THORNE needs
 * four neighbours only, and takes them where they are there.
 *
 * SLOPE       atan(sqrt(p^2 + q^2)) in degrees, or 100 sqrt(p^2 + q^2) in percent.
 * ASPECT      where downhill is: degrees clockwise from north, 0 <= aspect < 360; or FN_ANGLE_TRIGONOMETRIC,
 *             counter-clockwise from east. `flat` where p and q are 0.
 * HILLSHADE   1...255, as gdaldem has it, but not rounded (it rounds a Float32 of this, half up; 0 is its NoData). c is
 *             the cosine of the angle between the normal and the light, which is at `azimuth` (clockwise from north),
 *             `altitude` above the horizon.
 *             REGULAR           1 + 254 max(0, c)
 *             COMBINED          1 + 254 max(0, 1 - acos(c) atan(sqrt(p^2 + q^2)) / (pi/2)^2)
 *             MULTIDIRECTIONAL  1 + 254 times half the sum of max(0, c) from 225, 270, 315 and 360 degrees, each with
 *                               cos^2(aspect - azimuth) for weight: gdaldem's, after R. K. Mark, USGS Open-File Report
 *                               92-422, 1992. Flat: 1 + 254 sin(altitude). `azimuth` is not looked at.
 *             IGOR              255 (1 - slope/90 (1 - turn/180)), turn: from straight away from the light to the
 *                               aspect, 0...180. `altitude` is not looked at; 0 is possible.
 * CURVATURE   in 1/m (z per square of the unit of the map); convex is positive, concave negative, as in GRASS's
 *             r.slope.aspect. With r, s, t the second derivatives by east-east, east-north, north-north (I. V.
 *             Florinsky, Digital Terrain Analysis in Soil Science and Geology, 2nd ed. 2016, chapter 2):
 *             PROFILE     -(p^2 r + 2 p q s + q^2 t) / ((p^2 + q^2) (1 + p^2 + q^2)^1.5): of the line downhill
 *             PLAN        -(q^2 r - 2 p q s + p^2 t) / (p^2 + q^2)^1.5: of the contour line
 *             TANGENTIAL  -(q^2 r - 2 p q s + p^2 t) / ((p^2 + q^2) (1 + p^2 + q^2)^0.5): of the section across
 *             MEAN        -((1 + q^2) r - 2 p q s + (1 + p^2) t) / (2 (1 + p^2 + q^2)^1.5)
 *             The first three are `flat` where p and q are 0: there is no direction. ZEVENBERGEN_THORNE: r, s, t of
 *             their paper. HORN: of the quadratic surface that fits best with the weights above, whose p and q are
 *             Horn's. With cells missing, either: of that fit through what there is; NaN where these cells leave it
 *             open, which is so along the edges of the raster.
 * TPI         the centre less the mean of the others that have a value (Weiss 2001).
 * TRI         RILEY: the root of the sum of the squared differences of the others from the centre (Riley, DeGloria and
 *             Elliot 1999); a missing cell adds nothing. WILSON: the mean of the absolute differences (Wilson et al.
 *             2007).
 * ROUGHNESS   the highest less the lowest value (Dartnell 2000).
 *             These three take values as they are, times the z factor; NaN where no other cell has a value. They cost
 *             by the size of the window, WILSON by its square.
 *
 * FN_EDGE_GDAL: the numbers of gdaldem -compute_edges of GDAL 3.6. A row or column outside of the raster is 2a - b of
 * the two inside; in the corners the column beyond is the one at the edge; a missing cell has the value of the centre;
 * a raster of one row or column gives NaN. Steps are geotransform[1] and [5] alone, in the units of the coordinates
 * (gdaldem's scale is 1 / z factor), which aspect, and Igor's, ignore. Equal to its Float32, bit for bit, where it
 * computes in double: of integer bands of up to 16 bits. Of others it computes in Float32, and hillshades with an
 * approximate root: equal within that. */
#ifndef FN_TERRAIN_H
#define FN_TERRAIN_H

#include "fishnet/georeference.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FN_TERRAIN_SIZE_MAX 2001

typedef enum fn_terrain_kind {
    FN_SLOPE,
    FN_ASPECT,
    FN_HILLSHADE,
    FN_CURVATURE,
    FN_TPI,
    FN_TRI,
    FN_ROUGHNESS
} fn_terrain_kind;
typedef enum fn_terrain_method { FN_HORN, FN_ZEVENBERGEN_THORNE } fn_terrain_method;
typedef enum fn_terrain_edge { FN_EDGE_FIT, FN_EDGE_GDAL } fn_terrain_edge;
typedef enum fn_slope_unit { FN_SLOPE_DEGREES, FN_SLOPE_PERCENT } fn_slope_unit;
typedef enum fn_aspect_angle { FN_ANGLE_AZIMUTH, FN_ANGLE_TRIGONOMETRIC } fn_aspect_angle;
typedef enum fn_hillshade_kind {
    FN_HILLSHADE_REGULAR,
    FN_HILLSHADE_COMBINED,
    FN_HILLSHADE_MULTIDIRECTIONAL,
    FN_HILLSHADE_IGOR
} fn_hillshade_kind;
typedef enum fn_curvature_kind {
    FN_CURVATURE_PROFILE,
    FN_CURVATURE_PLAN,
    FN_CURVATURE_TANGENTIAL,
    FN_CURVATURE_MEAN
} fn_curvature_kind;
typedef enum fn_tri_kind { FN_TRI_RILEY, FN_TRI_WILSON } fn_tri_kind;

/* What a kind does not use is not looked at. */
typedef struct fn_terrain_options {
    fn_terrain_kind kind;
    fn_terrain_method method; /* slope, aspect, hillshade, curvature */
    fn_terrain_edge edge;     /* not of curvature, which GDAL has not; size 3 only */
    double z_factor;          /* units of the ground in a unit of the values; not 0 */
    fn_slope_unit unit;
    fn_aspect_angle angle;
    double flat; /* aspect, and curvatures but the mean, where there is no direction; NaN: no value */
    fn_hillshade_kind hillshade;
    double azimuth;  /* degrees, any */
    double altitude; /* degrees, 0...90 */
    fn_curvature_kind curvature;
    fn_tri_kind tri;
    int size; /* tpi, tri, roughness: rows and columns of the window; odd, 3...FN_TERRAIN_SIZE_MAX */
} fn_terrain_options;

/* HORN, FIT, z factor 1, degrees, azimuth, flat NaN, REGULAR from 315 and 45 degrees, PROFILE, RILEY, size 3. */
fn_terrain_options fn_terrain_defaults(fn_terrain_kind kind);

struct fn_terrain_kernels;

/* Made once, then read only: any number of threads run it, each with scratch memory of its own. Holds nothing that
 * would have to be freed. */
typedef struct fn_terrain {
    fn_terrain_options options;
    fn_georeference georeference;
    const struct fn_terrain_kernels *kernels;
    double light[3]; /* to the light: east, north, up; length 1 */
} fn_terrain;

/* FN_ERR_ARGUMENT, in words that name the option, where one is out of its range, or as fn_georeference_check. */
fn_status fn_terrain_init(fn_terrain *out, const fn_terrain_options *options, const fn_georeference *georeference,
                          fn_error *err);

/* How many rows and columns beyond a cell are looked at: 1, or half the window. */
int fn_terrain_reach(const fn_terrain *terrain);
size_t fn_terrain_scratch_bytes(const fn_terrain *terrain);

/* Computes height x width cells, of which the first is column x and row y of the raster. in: the value of that cell;
 * reach rows and columns around the cells are there, too (NaN outside of the raster). out: not within in. Strides are
 * values from row to row. scratch: fn_terrain_scratch_bytes, aligned as malloc does. Infinite values are computed
 * with as IEEE 754 has it. Nothing can fail. */
void fn_terrain_run(const fn_terrain *terrain, const double *in, size_t in_stride, int64_t x, int64_t y, size_t width,
                    size_t height, double *out, size_t out_stride, void *scratch);

#ifdef __cplusplus
}
#endif
#endif
